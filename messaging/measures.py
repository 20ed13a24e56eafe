"""What a process counts for Prometheus, where it happens. Labels have few values.

Web processes show them at /metrics, consumers and relays on --metrics-port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# Seconds. From what nobody notices to what everybody does.
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

COMMIT_SECONDS: Final = Histogram(
    "webchat_commit_seconds", "Saving a batch of posts, waits for locks included", buckets=BUCKETS
)
FAN_OUT_SECONDS: Final = Histogram(
    "webchat_fan_out_seconds", "Writing to all sockets what is due to them", buckets=BUCKETS
)
LIMITED: Final = Counter("webchat_limited", "Requests refused or slowed by a limit", ["limit"])
REQUEST_SECONDS: Final = Histogram(
    "webchat_request_seconds", "HTTP requests", ["method", "route", "status"], buckets=BUCKETS
)
HANDLER_SECONDS: Final = Histogram(
    "webchat_handler_seconds", "A handler's work on a batch", ["handler"], buckets=BUCKETS
)
HANDLER_FAILURES: Final = Counter(
    "webchat_handler_failures", "Tries that a handler has failed", ["handler"]
)


class _EveryProcess(Collector):
    """What is counted here, memory and processor time, for a registry that has more."""

    def collect(self) -> Iterable[Metric]:
        return REGISTRY.collect()

    def describe(self) -> Iterable[Metric]:
        return []


def serve(port: int, registry: CollectorRegistry) -> Callable[[], None]:
    """The process's own metrics and `registry`'s, in a thread. Returns what ends it.

    Raises OSError when the port is taken.
    """
    registry.register(_EveryProcess())
    server, thread = start_http_server(port, registry=registry)

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return close


def gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
