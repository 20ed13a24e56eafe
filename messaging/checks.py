"""Mistakes in the settings of the bus that `manage.py check` can find before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from messaging.bus.configuration import is_embedded
from messaging.pooling import find_mistakes

FILES = {
    "ssl_cafile": "KAFKA_SSL_CAFILE",
    "ssl_certfile": "KAFKA_SSL_CERTFILE",
    "ssl_keyfile": "KAFKA_SSL_KEYFILE",
}
SAFE_REPLICATION = 3


@checks.register("messaging")
def check_bus(**_options: Any) -> list[CheckMessage]:
    """Nothing about Kafka matters while the bus is embedded."""
    if is_embedded():
        return []
    return [*_check_sasl(settings.KAFKA), *_check_tls(settings.KAFKA), *_check_topics()]


@checks.register(checks.Tags.database)
def check_way_to_database(
    databases: Sequence[str] | None = None, **_options: Any
) -> list[CheckMessage]:
    """Only with `check --database default`, and before `migrate`: other commands say themselves
    that the database does not answer.
    """
    if not databases:
        return []
    return [Error(what, hint=hint, id="messaging.E007") for what, hint in find_mistakes()]


@checks.register(checks.Tags.security, deploy=True)
def check_deployment(**_kwargs: Any) -> list[CheckMessage]:
    """Only with `check --deploy`."""
    if is_embedded():
        return []
    kafka = settings.KAFKA
    found: list[CheckMessage] = []
    if kafka.topic_replication < SAFE_REPLICATION:
        found.append(
            checks.Warning(
                f"Topics are created with {kafka.topic_replication} replica: a lost broker"
                " takes them with it.",
                hint="Three brokers and KAFKA_TOPIC_REPLICATION=3.",
                id="messaging.W001",
            )
        )
    if kafka.security_protocol == "PLAINTEXT":
        found.append(
            checks.Warning(
                "Kafka is reached without encryption and without a password.",
                hint="KAFKA_SECURITY_PROTOCOL=SASL_SSL, see docs/operations.md.",
                id="messaging.W002",
            )
        )
    return found


def _check_sasl(kafka: Any) -> Iterator[CheckMessage]:
    missing = [
        name
        for name, value in (
            ("KAFKA_SASL_USERNAME", kafka.sasl_username),
            ("KAFKA_SASL_PASSWORD", kafka.sasl_password),
        )
        if not value
    ]
    signs_in = kafka.security_protocol.startswith("SASL")
    if signs_in and missing:
        yield Error(
            f"KAFKA_SECURITY_PROTOCOL is {kafka.security_protocol}, but {' and '.join(missing)}"
            f" {'is' if len(missing) == 1 else 'are'} missing.",
            hint="Set both, or use SSL or PLAINTEXT.",
            id="messaging.E001",
        )
    if not signs_in and len(missing) < 2:
        yield Error(
            "KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD is set, but KAFKA_SECURITY_PROTOCOL is"
            f" {kafka.security_protocol}: nobody would be signed in.",
            hint="Set KAFKA_SECURITY_PROTOCOL=SASL_SSL, or remove the name and the password.",
            id="messaging.E002",
        )
    if kafka.security_protocol == "SASL_PLAINTEXT" and kafka.sasl_mechanism == "PLAIN":
        yield checks.Warning(
            "The Kafka password crosses the network unencrypted.",
            hint="Set KAFKA_SECURITY_PROTOCOL=SASL_SSL, or KAFKA_SASL_MECHANISM=SCRAM-SHA-512.",
            id="messaging.W003",
        )


def _check_tls(kafka: Any) -> Iterator[CheckMessage]:
    given = {variable: getattr(kafka, name) for name, variable in FILES.items()}
    named = [variable for variable, path in given.items() if path]
    if named and not kafka.security_protocol.endswith("SSL"):
        yield Error(
            f"{' and '.join(named)} is set, but KAFKA_SECURITY_PROTOCOL is"
            f" {kafka.security_protocol}: there would be no TLS.",
            hint="Set KAFKA_SECURITY_PROTOCOL=SSL or SASL_SSL, or remove the files.",
            id="messaging.E003",
        )
    if kafka.ssl_keyfile and not kafka.ssl_certfile:
        yield Error(
            "KAFKA_SSL_KEYFILE is set without KAFKA_SSL_CERTFILE.",
            hint="A client needs both. KAFKA_SSL_CERTFILE alone is enough when it holds the key"
            " too.",
            id="messaging.E004",
        )
    if kafka.ssl_certfile and not kafka.ssl_keyfile and not _holds_a_key(kafka.ssl_certfile):
        yield Error(
            "KAFKA_SSL_CERTFILE is set without KAFKA_SSL_KEYFILE and does not hold a key itself.",
            hint="Set KAFKA_SSL_KEYFILE to the PEM file with the client's private key.",
            id="messaging.E005",
        )
    for variable in named:
        if not _can_be_read(given[variable]):
            yield Error(
                f"{variable} names {given[variable]}, which is not a file that can be read.",
                hint="Give the path of a PEM file that the user running this process may read.",
                id="messaging.E006",
            )


def _check_topics() -> Iterator[CheckMessage]:
    kafka = settings.KAFKA
    if kafka.topic_replication > 1 and len(kafka.brokers) == 1:
        yield checks.Warning(
            f"KAFKA_TOPIC_REPLICATION is {kafka.topic_replication}, but KAFKA_BROKERS names one"
            " broker: while it is down, nothing can start.",
            hint="Name two or three brokers in KAFKA_BROKERS, separated by commas.",
            id="messaging.W004",
        )


def _can_be_read(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


def _holds_a_key(path: str) -> bool:
    """True also where it cannot be read: that is another mistake."""
    try:
        return b"PRIVATE KEY-----" in Path(path).read_bytes()
    except OSError:
        return True
