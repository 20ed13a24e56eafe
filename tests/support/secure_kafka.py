"""Kafka as in production: SASL over TLS, mutual TLS, and nothing allowed without an ACL.

    with SecureKafka() as kafka:
        kafka.brokers          # SASL_SSL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
        kafka.mutual_brokers   # SSL: the client shows a certificate
        kafka.environment_of("webchat")   # the KAFKA_* variables that let this user in

`admin_brokers` needs no password (the broker's own listener): to make topics and look inside.
"""

from __future__ import annotations

from typing import ClassVar

from tests.support.certificates import Authority
from tests.support.services import Kafka, ServiceMissing, free_port, speaks_kafka, wait_until

PASSWORDS = {"webchat": "correct horse battery", "stranger": "no rights at all"}
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class SecureKafka(Kafka):
    """`webchat` may use every topic and group; `stranger` may sign in and do nothing."""

    name = "secure-kafka"
    passwords: ClassVar[dict[str, str]] = PASSWORDS

    def __init__(self, *, owner: int | None = None) -> None:
        super().__init__(owner=owner)
        if self.container:
            self.close()
            raise ServiceMissing("SASL and TLS need Kafka's own tools.", "default-jre-headless")
        self.mutual_port, self.admin_port = free_port(), free_port()
        self.mutual_brokers = f"127.0.0.1:{self.mutual_port}"
        self.admin_brokers = f"127.0.0.1:{self.admin_port}"
        ours, other = Authority("Webchat tests"), Authority("Somebody else")
        self.ca_file = ours.write_certificate(self.folder / "ca.pem")
        self.other_ca_file = other.write_certificate(self.folder / "other-ca.pem")
        self.server_pem = ours.issue(self.folder, "127.0.0.1").bundle
        self.client = ours.issue(self.folder, "webchat")
        self.other_client = other.issue(self.folder, "webchat-of-others")

    def environment_of(
        self, user: str, *, mechanism: str = "SCRAM-SHA-512", password: str | None = None
    ) -> dict[str, str]:
        """What the project reads to sign in as this user."""
        return {
            "KAFKA_BROKERS": self.brokers,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": mechanism,
            "KAFKA_SASL_USERNAME": user,
            "KAFKA_SASL_PASSWORD": self.passwords[user] if password is None else password,
            "KAFKA_SSL_CAFILE": str(self.ca_file),
        }

    def mutual_environment(self) -> dict[str, str]:
        """What the project reads to show a certificate instead of a password."""
        return {
            "KAFKA_BROKERS": self.mutual_brokers,
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CAFILE": str(self.ca_file),
            "KAFKA_SSL_CERTFILE": str(self.client.certificate),
            "KAFKA_SSL_KEYFILE": str(self.client.key),
        }

    def properties(self) -> dict[str, str | int]:
        listeners = {
            "SASL_SSL": self.brokers,
            "SSL": self.mutual_brokers,
            "ADMIN": self.admin_brokers,
            "CONTROLLER": f"127.0.0.1:{self.controller_port}",
        }
        addresses = [f"{name}://{address}" for name, address in listeners.items()]
        plain_users = " ".join(f'user_{name}="{word}"' for name, word in PASSWORDS.items())
        jaas = "org.apache.kafka.common.security"
        return super().properties() | {
            "listeners": ",".join(addresses),
            "advertised.listeners": ",".join(addresses[:-1]),
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,ADMIN:PLAINTEXT,"
            "CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "ADMIN",
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
            "listener.name.sasl_ssl.plain.sasl.jaas.config": f"{jaas}.plain.PlainLoginModule "
            f"required {plain_users};",
            **{
                f"listener.name.sasl_ssl.{mechanism.lower()}.sasl.jaas.config": f"{jaas}.scram."
                "ScramLoginModule required;"
                for mechanism in MECHANISMS[1:]
            },
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.server_pem),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.ca_file),
            "listener.name.ssl.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # the admin listener only: the others know who it is
            "allow.everyone.if.no.acl.found": "false",
            "auto.create.topics.enable": "false",
        }

    def format_options(self) -> list[str]:
        return [
            part
            for user, password in PASSWORDS.items()
            for mechanism in MECHANISMS[1:]
            for part in ("--add-scram", f"{mechanism}=[name={user},password={password}]")
        ]

    def is_ready(self) -> bool:
        return speaks_kafka(self.admin_port)

    def start(self) -> SecureKafka:
        first = not (self.folder / ".prepared").exists()
        super().start()
        if first:
            for user in ("User:webchat", "User:CN=webchat"):
                self.allow(user)
        return self

    def allow(self, principal: str) -> None:
        """Every topic and every group, to this principal."""
        from kafka.admin import (
            ACL,
            ACLOperation,
            ACLPermissionType,
            KafkaAdminClient,
            ResourcePattern,
            ResourceType,
        )

        rights = [
            ACL(
                principal=principal,
                host="*",
                operation=ACLOperation.ALL,
                permission_type=ACLPermissionType.ALLOW,
                resource_pattern=ResourcePattern(kind, name),
            )
            for kind, name in (
                (ResourceType.TOPIC, "*"),
                (ResourceType.GROUP, "*"),
                (ResourceType.CLUSTER, "kafka-cluster"),
            )
        ]
        admin = KafkaAdminClient(bootstrap_servers=self.admin_brokers)
        try:
            admin.create_acls(rights)
            # The answer comes before the broker acts on them.
            wait_until(
                lambda: all(admin.describe_acls(right)[0] for right in rights),
                seconds=10,
                what=f"{principal} has its rights",
            )
        finally:
            admin.close()
