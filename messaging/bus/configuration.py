"""From settings.KAFKA and settings.MESSAGE_BUS to an adapter; the only place that chooses one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from messaging.bus.base_adapter import BusAdapter
from messaging.contract.schemas import topics

DEAD_LETTER_SUFFIX = ".dlq"

_lock = threading.Lock()
_adapter: BusAdapter | None = None


def dead_letter_topic(topic: str) -> str:
    return topic + DEAD_LETTER_SUFFIX


def all_topics() -> list[str]:
    """Every topic of the project, dead letters included."""
    return [*topics(), *map(dead_letter_topic, topics())]


def is_embedded() -> bool:
    return bool(settings.MESSAGE_BUS == "embedded")


def get_adapter() -> BusAdapter:
    """This process's adapter, created once and not yet connected."""
    global _adapter
    with _lock:
        if _adapter is None:
            _adapter = make_adapter()
        return _adapter


def close_adapter(*, timeout_seconds: float = 5.0) -> None:
    """Closes this process's adapter, if there is one; the next `get_adapter` makes another."""
    global _adapter
    with _lock:
        adapter, _adapter = _adapter, None
    if adapter is not None:
        adapter.close(timeout_seconds=timeout_seconds)


def make_adapter() -> BusAdapter:
    """A new adapter for settings.MESSAGE_BUS."""
    if is_embedded():
        from messaging.bus.memory_adapter import InMemoryAdapter

        return InMemoryAdapter(group_id=settings.KAFKA.group_id)
    from messaging.bus.kafka.adapter import KafkaAdapter

    return KafkaAdapter(
        brokers=settings.KAFKA.brokers,
        client_id=settings.KAFKA.client_id,
        group_id=settings.KAFKA.group_id,
        security=security_options(settings.KAFKA),
    )


def security_options(kafka: Any) -> Mapping[str, Any]:
    """kafka-python's security options from settings.KAFKA; unset ones are left out."""
    options: dict[str, Any] = {"security_protocol": kafka.security_protocol}
    if kafka.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": kafka.sasl_password,
        }
    if kafka.security_protocol.endswith("SSL"):
        options |= {
            "ssl_cafile": kafka.ssl_cafile or None,
            "ssl_certfile": kafka.ssl_certfile or None,
            "ssl_keyfile": kafka.ssl_keyfile or None,
            "ssl_password": kafka.ssl_password or None,
            "ssl_check_hostname": kafka.ssl_check_hostname,
        }
    return options
