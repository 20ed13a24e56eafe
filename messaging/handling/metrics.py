"""What a consumer tells Prometheus on --metrics-port."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry, Counter, Gauge

from messaging.handling.consumer import Counts
from messaging.handling.consumer_state import Lag
from messaging.measures import serve


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
        self._lag_records, self._lag_seconds = (
            Gauge(name, text, ["group"], registry=collector)
            for name, text in (
                ("webchat_lag_records", "Records of the group unread"),
                ("webchat_lag_seconds", "The oldest's age"),
            )
        )
        self._group = group
        self.close = serve(port, collector) if port else lambda: None

    def note(self, counts: Counts) -> None:
        self._records.inc(counts.records - self._before.records)
        self._invalid.inc(counts.invalid - self._before.invalid)
        self._batches.inc(counts.batches - self._before.batches)
        self._lost.inc(counts.lost - self._before.lost)
        self._turned_at.set_to_current_time()
        self._before = replace(counts)

    def note_lag(self, lag: Lag | None) -> None:
        """None: not known, and not shown."""
        for gauge in (self._lag_records, self._lag_seconds):
            gauge.clear()
        if lag is not None:
            self._lag_records.labels(self._group).set(lag.records)
            self._lag_seconds.labels(self._group).set(lag.seconds)
