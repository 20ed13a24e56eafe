"""Mistakes in the settings of the bus that `manage.py check` can find before anything runs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

SAFE_REPLICATION = 3


@checks.register("messaging")
def check_security(**_kwargs: Any) -> list[CheckMessage]:
    kafka = settings.KAFKA
    if settings.MESSAGE_BUS == "embedded":
        return []
    if kafka.security_protocol.startswith("SASL") and not (
        kafka.sasl_username and kafka.sasl_password
    ):
        return [
            checks.Error(
                f"KAFKA_SECURITY_PROTOCOL is {kafka.security_protocol}, but there is no name or no"
                " password.",
                hint="Set KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.",
                id="messaging.E001",
            )
        ]
    return []


@checks.register(checks.Tags.security, deploy=True)
def check_deployment(**_kwargs: Any) -> list[CheckMessage]:
    """Only with `check --deploy`."""
    kafka = settings.KAFKA
    if settings.MESSAGE_BUS == "embedded":
        return []
    found: list[CheckMessage] = []
    if kafka.topic_replication < SAFE_REPLICATION:
        found.append(
            checks.Warning(
                f"Topics are made with {kafka.topic_replication} replica: a broker that is lost"
                " takes them along.",
                hint="Three brokers and KAFKA_TOPIC_REPLICATION=3.",
                id="messaging.W001",
            )
        )
    if kafka.security_protocol == "PLAINTEXT":
        found.append(
            checks.Warning(
                "Kafka is spoken to without encryption and without a password.",
                hint="KAFKA_SECURITY_PROTOCOL=SASL_SSL, see docs/operations.md.",
                id="messaging.W002",
            )
        )
    return found
