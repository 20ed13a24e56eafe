"""What a relay tells Prometheus on --metrics-port."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from messaging.measures import gauge, serve
from messaging.outbox.relay import Relay


class RelayCollector(Collector):
    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def collect(self) -> Iterable[Metric]:
        relay = self._relay
        yield CounterMetricFamily(
            "webchat_relay_published", "Events published", value=relay.published_count
        )
        yield gauge("webchat_relay_shards", "Shards of all keys that it works for", relay.shards)
        yield gauge("webchat_relay_held", "Keys and topics held back after failures", relay.held)
        is_open = relay.breaker == "open"
        yield gauge("webchat_relay_breaker_open", "Whether it cannot publish", is_open)

    def describe(self) -> Iterable[Metric]:
        return []


def serve_relay(relay: Relay, port: int) -> Callable[[], None]:
    """Returns what ends it. Raises OSError when the port is taken."""
    registry = CollectorRegistry()
    registry.register(RelayCollector(relay))
    return serve(port, registry)
