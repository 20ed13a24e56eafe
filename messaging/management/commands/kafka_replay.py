"""Gives handlers their events again; what comes of them takes the place of what was there."""

from __future__ import annotations

import json
import sys
import threading
from argparse import ArgumentParser, ArgumentTypeError
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand

from messaging.away import DatabaseUnavailableError
from messaging.bus.base_adapter import BusAdapter
from messaging.bus.configuration import close_adapter, get_adapter, is_embedded
from messaging.contract.records import TopicPartition
from messaging.describing import describe
from messaging.errors import ConfigurationError, RetryableError
from messaging.handling.projections import MakeProjection
from messaging.handling.registry import MAIN_GROUP, registry
from messaging.management.arguments import moment
from messaging.management.exits import (
    AWAY,
    ERROR,
    INTERRUPTED,
    USAGE,
    brokers,
    fail,
    kafka_is_away,
    say,
    stopped_by_signals,
)
from messaging.management.waiting import add_wait, require_database, wait_for_kafka
from messaging.replay.group_replay import (
    GroupReplay,
    IncompleteSourceError,
    Replayed,
    ReplayStoppedError,
    check_complete,
)
from messaging.replay.lock import ReplayRunsError, replay_lock
from messaging.replay.sources import OutboxSource, ReplaySource, TopicSource
from messaging.signals import shell_operator

WHY_LEFT_OUT = "what it does reaches people or other systems, and would reach them twice"


@dataclass(frozen=True, slots=True)
class Place:
    """`--from-offset`; without a topic where the handler has one only."""

    topic: str
    partition: int
    offset: int


def place(text: str) -> Place:
    *topic, partition, offset = ["", *text.rsplit(":", 2)]
    if not all(part.isascii() and part.isdigit() for part in (partition, offset)):
        raise ArgumentTypeError(f"{text!r} is not PARTITION:OFFSET or TOPIC:PARTITION:OFFSET")
    return Place("".join(topic), int(partition), int(offset))


class Command(BaseCommand):
    help = (
        "Replays handlers' events into tables that then replace the old ones. The handlers keep"
        " running. Changes nothing without --execute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--group", default=MAIN_GROUP, help="whose handlers (%(default)s)")
        parser.add_argument("--handler", help="only this one")
        start = parser.add_mutually_exclusive_group(required=True)
        start.add_argument("--since", type=moment, metavar="TIME", help="ISO 8601; UTC by default")
        start.add_argument(
            "--from-offset",
            type=place,
            action="append",
            dest="places",
            metavar="[TOPIC:]PARTITION:OFFSET",
            help="in one partition; may be repeated",
        )
        start.add_argument("--all", action="store_true", help="everything that is left")
        parser.add_argument(
            "--execute",
            action="store_true",
            help="do it; without this, only say what would be done",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object per handler")
        add_wait(parser)

    def handle(self, **options: Any) -> None:
        names = self._handlers(options["group"], options["handler"])
        require_database(options["wait"])
        stopping = threading.Event()
        try:
            if not is_embedded():
                wait_for_kafka(get_adapter(), options["wait"])
            with stopped_by_signals(stopping.set), replay_lock():
                for name, projection in names.items():
                    self._replay(name, projection, stopping, options)
        except ReplayRunsError as error:
            fail(ERROR, str(error))
        except ReplayStoppedError as error:
            say(str(error))
            raise SystemExit(INTERRUPTED) from None
        except ConfigurationError as error:
            fail(ERROR, f"Kafka at {brokers()} refuses: {error}")
        except DatabaseUnavailableError as error:
            fail(
                AWAY,
                f"The database does not answer, or is too busy ({describe(error)}). Nothing has"
                " changed; try again.",
            )
        except RetryableError as error:
            fail(AWAY, f"{kafka_is_away()} ({describe(error)}) Nothing has changed.")
        finally:
            close_adapter(timeout_seconds=1.0)

    def _handlers(self, group: str, wanted: str | None) -> dict[str, MakeProjection]:
        """Those that can be replayed; the others are named."""
        known = registry.handlers_of(group)
        if not known:
            groups = ", ".join(registry.groups())
            fail(USAGE, f"No handler belongs to the group {group}. Groups: {groups}")
        if wanted and wanted not in known:
            fail(USAGE, f"{group} has no handler {wanted}. Handlers: {', '.join(known)}")
        found = {}
        for name in [wanted] if wanted else known:
            projection = registry.find_projection(name, group)
            if projection is None:
                say(f"{name} is skipped: {WHY_LEFT_OUT}.")
            else:
                found[name] = projection
        if not found:
            fail(USAGE, f"Nothing in {group} can be replayed.")
        return found

    def _replay(
        self,
        name: str,
        make: MakeProjection,
        stopping: threading.Event,
        options: dict[str, Any],
    ) -> None:
        source = open_source(name, options["group"])
        try:
            since, count = start(source, name, make, options)
            projection = make(since)
            check(source, projection, since, name)
            outcome = Replayed(options["group"], name, since)
            if not options["execute"]:
                self._tell_plan(outcome, count, as_json=options["json"])
                return
            replay = GroupReplay(
                projection,
                source,
                outcome,
                actor=shell_operator(),
                is_stopped=stopping.is_set,
                on_progress=lambda read: progress(name, read, count),
            )
            self._tell(replay.run(), as_json=options["json"])
        finally:
            source.close()

    def _tell_plan(self, outcome: Replayed, count: int, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(as_names(outcome) | {"events_to_read": count}))
        else:
            say(
                f"Would replay about {count} events for {outcome.handler}"
                f" {described(outcome.since)}. Add --execute to do it."
            )

    def _tell(self, outcome: Replayed, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(as_names(outcome)))
        else:
            say(
                f"{outcome.handler}: {outcome.events_applied} events"
                f" {described(outcome.since)}, {outcome.rows_changed} rows changed,"
                f" {outcome.seconds:g} s."
            )


def open_source(handler: str, group: str) -> ReplaySource:
    topics = registry.topics_of(handler, group)
    return OutboxSource(topics) if is_embedded() else topic_source(get_adapter(), group, topics)


def topic_source(adapter: BusAdapter, group: str, topics: list[str]) -> TopicSource:
    adapter.ping()
    return TopicSource(adapter, group, topics)


def start(
    source: ReplaySource, handler: str, make: MakeProjection, options: dict[str, Any]
) -> tuple[datetime | None, int]:
    """From when on, and how many events there are to read."""
    if options["places"]:
        return start_at(source, handler, make, options)
    since = None if options["all"] else make.floor(options["since"])
    return since, source.start(since)


def start_at(
    source: ReplaySource, handler: str, make: MakeProjection, options: dict[str, Any]
) -> tuple[datetime | None, int]:
    """Rows that take the place of others need the events of all partitions since that record."""
    if not isinstance(source, TopicSource):
        fail(USAGE, "There are no offsets without Kafka: use --since or --all.")
    topics = registry.topics_of(handler, options["group"])
    known = set(source.partitions())
    offsets = {}
    for given in options["places"]:
        if not given.topic and len(topics) > 1:
            fail(USAGE, f"{handler} reads {', '.join(topics)}: give TOPIC:PARTITION:OFFSET.")
        part = TopicPartition(given.topic or topics[0], given.partition)
        if part not in known:
            fail(USAGE, f"{handler} does not read partition {part.partition} of {part.topic}.")
        offsets[part] = given.offset
    if make.is_additive:
        return None, source.start_at(offsets)
    written_at = source.moment_at(offsets)
    if written_at is None:
        fail(USAGE, "There are no records at these offsets yet.")
    since = make.floor(written_at)
    return since, source.start(since)


def check(source: ReplaySource, projection: Any, since: datetime | None, handler: str) -> None:
    try:
        check_complete(source, projection, since)
    except IncompleteSourceError as error:
        later = type(projection).floor(error.complete_since + timedelta(days=1))
        fail(
            ERROR,
            f"{error} {handler} also counts older ones, and would lose them."
            f" Use --since {later:%Y-%m-%dT%H:%MZ} or later.",
        )


def progress(handler: str, read: int, count: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{handler}: {read} of about {count} ")
        sys.stderr.flush()


def described(since: datetime | None) -> str:
    return f"since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if since else "from the beginning"


def as_names(outcome: Replayed) -> dict[str, Any]:
    return asdict(outcome) | {"since": outcome.since.isoformat() if outcome.since else None}
