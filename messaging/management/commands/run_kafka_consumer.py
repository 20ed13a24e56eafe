"""Reads a group's topics and hands their events to its handlers, until it is told to stop."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from messaging.bus.base_adapter import BusAdapter
from messaging.bus.configuration import close_adapter, get_adapter
from messaging.contract import schemas
from messaging.errors import ConfigurationError, RetryableError
from messaging.handling.companions import beside
from messaging.handling.consumer import BATCH_SIZE, Counts, GroupConsumer
from messaging.handling.consumer_state import ConsumerReport
from messaging.handling.dead_letter_limit import TooManyDeadLettersError
from messaging.handling.dead_letters import DeadLetterBox
from messaging.handling.group_reader import GroupReader
from messaging.handling.heartbeat import Heartbeat
from messaging.handling.metrics import ConsumerMetrics
from messaging.handling.registry import MAIN_GROUP, broker_group_id, registry
from messaging.management.arguments import positive
from messaging.management.exits import (
    AWAY,
    ERROR,
    UNHEALTHY,
    USAGE,
    brokers,
    ended_by_signals,
    fail,
    kafka_is_away,
    require_kafka,
    say,
    stopped_by_signals,
)
from messaging.management.waiting import add_wait, require_database, wait_for_kafka
from messaging.operating.lag_watch import LagWatch


class Command(BaseCommand):
    help = (
        "Passes events from Kafka to the handlers of a group. Several may run at once and share"
        " the partitions. SIGTERM or Ctrl+C finishes the batch; a second one stops at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", default=MAIN_GROUP, help="whose handlers (%(default)s)")
        parser.add_argument(
            "--topic", action="append", dest="topics", help="only this topic; may be repeated"
        )
        parser.add_argument(
            "--batch-size",
            type=positive,
            default=BATCH_SIZE,
            help="records per batch (%(default)s)",
        )
        parser.add_argument("--max-messages", type=positive, help="stop after this many records")
        parser.add_argument(
            "--until-empty", action="store_true", help="stop when everything is read"
        )
        parser.add_argument(
            "--metrics-port", type=positive, help="serve Prometheus metrics on this port"
        )
        parser.add_argument(
            "--heartbeat-file",
            default="",
            help="touched every second while the loop runs and all topics are there",
        )

        add_wait(parser)

    def handle(self, **options: Any) -> None:
        require_kafka("run_kafka_consumer")
        group = options["group"]
        topics = self._topics(group, options["topics"])
        require_database(options["wait"])
        adapter = get_adapter()
        with ended_by_signals():
            try:
                self._announce(group, topics)
                wait_for_kafka(adapter, options["wait"])
                self._connect(adapter)
                self._run(adapter, group, topics, options)
            finally:
                close_adapter()

    def _topics(self, group: str, wanted: list[str] | None) -> list[str]:
        if group not in registry.groups() and group != MAIN_GROUP:
            known = ", ".join(sorted({MAIN_GROUP, *registry.groups()}))
            fail(USAGE, f"No handler belongs to the group {group}. Groups: {known}")
        own = set(registry.topics(group))
        if group == MAIN_GROUP:
            own |= set(schemas.topics())
        if unknown := set(wanted or ()) - own:
            fail(
                USAGE,
                f"{group} does not read {', '.join(unknown)}. Topics: {', '.join(sorted(own))}",
            )
        return sorted(wanted or own)

    def _connect(self, adapter: BusAdapter) -> None:
        try:
            adapter.connect()
        except ConfigurationError as error:
            fail(ERROR, f"Kafka at {brokers()} refuses: {error}")
        except RetryableError:
            fail(AWAY, kafka_is_away())

    def _announce(self, group: str, topics: list[str]) -> None:
        say(
            f"Webchat {settings.VERSION}, consumer: group {broker_group_id(group)},"
            f" topics {', '.join(topics)}, brokers {brokers()}."
        )

    def _run(
        self, adapter: BusAdapter, group: str, topics: list[str], options: dict[str, Any]
    ) -> None:
        heartbeat = Heartbeat(options["heartbeat_file"])
        report = ConsumerReport(group)
        lag_watch = LagWatch(adapter, registry, group)
        metrics = ConsumerMetrics(group, port=options["metrics_port"])

        def turn(counts: Counts, reader: GroupReader) -> None:
            if not reader.lacking:
                heartbeat.beat()
            metrics.note(counts)
            metrics.note_lag(lag_watch.latest)
            report.save_when_due(
                partitions=len(reader.assignment()),
                lacking=reader.lacking,
                done=counts.records,
                lag=lag_watch.latest,
            )

        consumer = make_consumer(adapter, group, topics, options, on_turn=turn)
        heartbeat.beat()
        lag_watch.start()
        try:
            run_beside_companions(consumer, group)
        except TooManyDeadLettersError as error:
            fail(UNHEALTHY, self._too_many(error))
        finally:
            lag_watch.stop()
            heartbeat.remove()
            report.stop()
            metrics.close()
        say(f"Done: {consumer.counts.records} records in {consumer.counts.batches} batches.")

    def _too_many(self, error: Exception) -> str:
        return (
            f"Stopped: {error} Records that were not set aside are not committed: nothing is lost."
            " Look at `manage.py dead_letters list`, fix the handler or the producer, and start"
            " again."
        )


def make_consumer(
    adapter: BusAdapter,
    group: str,
    topics: list[str],
    options: dict[str, Any],
    *,
    on_turn: Callable[[Counts, GroupReader], object],
) -> GroupConsumer:
    group_id = broker_group_id(group)
    reader = GroupReader(lambda: adapter.open_source(group_id=group_id, topics=topics))

    def is_drained() -> bool:
        try:
            lags = adapter.lag(group_id=group_id, topics=topics)
        except RetryableError:
            return False
        mine = reader.assignment()
        return bool(mine) and not any(lag.records for lag in lags if lag.topic_partition in mine)

    box = DeadLetterBox(group, adapter)
    box.remember(handler.name for topic in topics for handler in registry.handlers(topic, group))
    return GroupConsumer(
        reader,
        registry,
        group,
        box,
        batch_size=options["batch_size"],
        max_records=options["max_messages"],
        is_drained=is_drained if options["until_empty"] else None,
        on_turn=lambda counts: on_turn(counts, reader),
    )


def run_beside_companions(consumer: GroupConsumer, group: str) -> None:
    """A signal tells both at once: neither waits for the other before it begins to end."""
    with beside(group) as companions:

        def stop() -> None:
            consumer.stop()
            for companion in companions:
                companion.begin_to_stop()

        with stopped_by_signals(stop):
            consumer.run()
