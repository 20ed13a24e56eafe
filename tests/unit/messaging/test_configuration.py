"""Settings of the bus: which adapter, which options, and the checks of `manage.py check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks

from messaging.bus import configuration
from messaging.bus.configuration import close_adapter, get_adapter, security_options
from messaging.bus.kafka.adapter import KafkaAdapter
from messaging.bus.memory_adapter import InMemoryAdapter
from webchat.environment import Environment

SIGN_IN = {"KAFKA_SASL_USERNAME": "webchat", "KAFKA_SASL_PASSWORD": "a-secret"}


@pytest.fixture
def bus(settings: Any) -> Any:
    """Sets the bus as these variables would."""

    def use(message_bus: str = "kafka", **variables: str) -> None:
        settings.KAFKA = Environment(variables).kafka()
        settings.MESSAGE_BUS = message_bus

    return use


@pytest.fixture(autouse=True)
def _no_adapter_left() -> Iterator[None]:
    close_adapter()
    yield
    close_adapter()


def found(bus: Any, **variables: str) -> set[str]:
    bus(**variables)
    return {str(message.id) for message in run_checks(tags=["messaging"])}


class TestGetAdapter:
    def test_is_in_memory_when_the_bus_is_embedded(self, bus: Any) -> None:
        bus("embedded", KAFKA_GROUP_ID="own-group")
        adapter = get_adapter()
        assert isinstance(adapter, InMemoryAdapter)
        assert adapter.group_id == "own-group"

    def test_is_kafka_when_the_bus_is_kafka_and_does_not_connect_yet(self, bus: Any) -> None:
        bus(KAFKA_BROKERS="127.0.0.1:1")
        assert isinstance(get_adapter(), KafkaAdapter)

    def test_is_one_per_process_until_it_is_closed(self, bus: Any) -> None:
        bus("embedded")
        first = get_adapter()
        assert get_adapter() is first
        close_adapter()
        assert get_adapter() is not first

    def test_names_every_topic(self) -> None:
        assert configuration.all_topics() == [
            "audit-events",
            "chat-messages",
            "message-delivery-status",
            "audit-events.dlq",
            "chat-messages.dlq",
            "message-delivery-status.dlq",
        ]


class TestSecurityOptions:
    def test_are_none_without_security(self) -> None:
        assert security_options(Environment({}).kafka()) == {"security_protocol": "PLAINTEXT"}

    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    def test_sign_in(self, mechanism: str) -> None:
        variables = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": mechanism}
        options = security_options(Environment(SIGN_IN | variables).kafka())
        assert options["sasl_mechanism"] == mechanism
        assert options["sasl_plain_username"] == "webchat"
        assert options["sasl_plain_password"] == "a-secret"
        assert options["ssl_check_hostname"] is True

    def test_show_a_certificate(self) -> None:
        variables = {
            "KAFKA_SECURITY_PROTOCOL": "SSL",
            "KAFKA_SSL_CAFILE": "ca.pem",
            "KAFKA_SSL_CERTFILE": "cert.pem",
            "KAFKA_SSL_KEYFILE": "key.pem",
            "KAFKA_SSL_PASSWORD": "a-secret",
        }
        options = security_options(Environment(variables).kafka())
        assert options == {
            "security_protocol": "SSL",
            "ssl_cafile": "ca.pem",
            "ssl_certfile": "cert.pem",
            "ssl_keyfile": "key.pem",
            "ssl_password": "a-secret",
            "ssl_check_hostname": True,
        }


class TestChecks:
    def test_find_nothing_wrong_with_the_defaults(self, bus: Any) -> None:
        assert found(bus) == set()

    def test_do_not_look_at_kafka_when_the_bus_is_embedded(self, bus: Any) -> None:
        assert found(bus, message_bus="embedded", KAFKA_SECURITY_PROTOCOL="SASL_SSL") == set()

    @pytest.mark.parametrize("missing", list(SIGN_IN))
    def test_find_sasl_without_a_name_or_a_password(self, bus: Any, missing: str) -> None:
        variables = {k: v for k, v in SIGN_IN.items() if k != missing}
        assert found(bus, KAFKA_SECURITY_PROTOCOL="SASL_SSL", **variables) == {"messaging.E001"}

    def test_find_a_password_that_would_not_be_used(self, bus: Any) -> None:
        assert found(bus, KAFKA_SECURITY_PROTOCOL="SSL", **SIGN_IN) == {"messaging.E002"}

    def test_find_a_password_that_all_can_read(self, bus: Any) -> None:
        variables = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "PLAIN"}
        assert found(bus, **variables, **SIGN_IN) == {"messaging.W003"}

    def test_find_certificates_that_would_not_be_used(self, bus: Any, tmp_path: Path) -> None:
        file = tmp_path / "ca.pem"
        file.write_text("certificate")
        assert found(bus, KAFKA_SSL_CAFILE=str(file)) == {"messaging.E003"}

    def test_find_a_key_without_a_certificate_and_the_other_way_round(
        self, bus: Any, tmp_path: Path
    ) -> None:
        certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        certificate.write_text("-----BEGIN CERTIFICATE-----")
        key.write_text("-----BEGIN PRIVATE KEY-----")
        tls = {"KAFKA_SECURITY_PROTOCOL": "SSL"}
        assert found(bus, **tls, KAFKA_SSL_KEYFILE=str(key)) == {"messaging.E004"}
        assert found(bus, **tls, KAFKA_SSL_CERTFILE=str(certificate)) == {"messaging.E005"}
        both = {"KAFKA_SSL_CERTFILE": str(certificate), "KAFKA_SSL_KEYFILE": str(key)}
        assert found(bus, **tls, **both) == set()
        assert found(bus, **tls, KAFKA_SSL_CERTFILE=str(key)) == set()

    @pytest.mark.parametrize("variable", ["KAFKA_SSL_CAFILE", "KAFKA_SSL_CERTFILE"])
    def test_find_a_file_that_is_not_there(self, bus: Any, variable: str, tmp_path: Path) -> None:
        path = tmp_path / "missing.pem"
        tls = {"KAFKA_SECURITY_PROTOCOL": "SSL", variable: str(path)}
        assert found(bus, **tls) == {"messaging.E006"}

    def test_find_one_broker_for_three_replicas(self, bus: Any) -> None:
        assert found(bus, KAFKA_TOPIC_REPLICATION="3") == {"messaging.W004"}
        brokers = "one:9092,two:9092,three:9092"
        assert found(bus, KAFKA_TOPIC_REPLICATION="3", KAFKA_BROKERS=brokers) == set()

    def test_have_a_hint_and_show_no_secret(self, bus: Any) -> None:
        bus(KAFKA_SECURITY_PROTOCOL="SSL", **SIGN_IN)
        messages = run_checks(tags=["messaging"])
        assert messages
        for message in messages:
            assert message.hint
            assert "a-secret" not in str(message) + str(message.hint)
