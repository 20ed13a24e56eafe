"""The bus's figures for Prometheus, read from the database when it asks; see kafka_status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from messaging.measures import gauge
from messaging.operating.looks import Look
from messaging.operating.status import BusFigures, read_figures

READ_SECONDS: Final = 1.8


class BusCollector(Collector):
    """Without an answer of the database in time there are none, and `webchat_bus_figures` is 0."""

    def __init__(self) -> None:
        self._figures: BusFigures | None = None
        self._look = Look(self._read, silence="silent")

    def collect(self) -> Iterable[Metric]:
        is_known = not self._look.answer_within(READ_SECONDS)
        yield gauge("webchat_bus_figures", "Whether the bus's figures could be read", is_known)
        if is_known and self._figures:
            yield from metrics_of(self._figures)

    def describe(self) -> Iterable[Metric]:
        """Nothing is read when it is registered."""
        return []

    def _read(self) -> list[str]:
        self._figures = read_figures()
        return []


def metrics_of(figures: BusFigures) -> Iterable[Metric]:
    yield gauge("webchat_outbox_waiting", "Events not yet published", figures.outbox_waiting)
    yield gauge(
        "webchat_outbox_oldest_seconds", "The age of the oldest", figures.outbox_oldest_seconds
    )
    yield gauge("webchat_outbox_set_aside", "Events that Kafka rejects", figures.outbox_set_aside)
    yield gauge("webchat_dead_letters", "Open dead letters", figures.dead_letters)
    yield gauge(
        "webchat_lost_records",
        "Records removed before they were read, not settled",
        sum(each.records for each in figures.lost),
    )
    yield gauge("webchat_relays", "Relays that work", len(figures.relays))
    yield gauge(
        "webchat_relay_breakers_open",
        "Relays that cannot publish",
        sum(relay.breaker == "open" for relay in figures.relays),
    )
    yield from _of_groups(figures)


def _of_groups(figures: BusFigures) -> Iterable[Metric]:
    consumers = GaugeMetricFamily("webchat_consumers", "Consumers that work", labels=["group"])
    records = GaugeMetricFamily("webchat_lag_records", "Records unread", labels=["group"])
    seconds = GaugeMetricFamily("webchat_lag_seconds", "The oldest's age", labels=["group"])
    unread = GaugeMetricFamily(
        "webchat_unattended_events", "Unread events of a group without consumers", labels=["group"]
    )
    for group in {each.group: None for each in figures.consumers}:
        own = [each for each in figures.consumers if each.group == group]
        consumers.add_metric([group], len(own))
        known = [each for each in own if each.lag_records is not None]
        if known:
            records.add_metric([group], max(each.lag_records or 0 for each in known))
            seconds.add_metric([group], max(each.lag_seconds or 0.0 for each in known))
    for missed in figures.unattended:
        consumers.add_metric([missed.group], 0)
        unread.add_metric([missed.group], missed.unread)
        seconds.add_metric([missed.group], missed.unread_seconds)
    yield from (consumers, records, seconds, unread)
