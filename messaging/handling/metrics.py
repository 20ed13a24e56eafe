"""What a consumer tells Prometheus on --metrics-port."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from messaging.handling.consumer import Counts


class ConsumerMetrics:
    """Without a port nobody sees the counts."""

    def __init__(self, group: str, *, port: int | None = None) -> None:
        self._before = Counts()
        collector = CollectorRegistry()

        def counter(name: str, text: str) -> Counter:
            return Counter(name, text, ["group"], registry=collector).labels(group)

        self._records = counter("webchat_consumer_records", "Records finished")
        self._invalid = counter("webchat_consumer_invalid", "Records that broke their contract")
        self._batches = counter("webchat_consumer_batches", "Batches read")
        self._lost = counter("webchat_consumer_lost", "Offsets that were removed unread")
        self._turned_at = Gauge(
            "webchat_consumer_turned_at_seconds",
            "Unix time when the loop last ran",
            ["group"],
            registry=collector,
        ).labels(group)
        self._server = start_http_server(port, registry=collector)[0] if port else None

    def note(self, counts: Counts) -> None:
        self._records.inc(counts.records - self._before.records)
        self._invalid.inc(counts.invalid - self._before.invalid)
        self._batches.inc(counts.batches - self._before.batches)
        self._lost.inc(counts.lost - self._before.lost)
        self._turned_at.set_to_current_time()
        self._before = replace(counts)

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
