"""Where a replay gets a handler's events from: the topics, or without Kafka the outbox.

Reads in passes: the first gives everything from the start, each further one what the group may have
handled since the pass before began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.db.models import Max, Min, QuerySet

from messaging.bus.base_adapter import BusAdapter
from messaging.contract.events import Event
from messaging.contract.records import Record, TopicPartition
from messaging.contract.validation import decode
from messaging.errors import InvalidEventError
from messaging.handling.embedded import event_of
from messaging.handling.registry import broker_group_id
from messaging.models import OutboxEvent
from messaging.outbox.rows import OutboxRow

# Clocks differ: so much earlier than the moment that was asked for reading begins. What is too old
# is left out by the moment that the event itself tells.
MARGIN = timedelta(hours=1)
# A change is a little older than its row of the outbox, which is written behind it.
BEFORE_ITS_ROW = timedelta(seconds=1)
# No transaction that writes to the outbox is open for so long.
SETTLED_AFTER = timedelta(minutes=1)
ROWS_AT_ONCE = 1000

Offsets = Mapping[TopicPartition, int]


class ReplaySource(Protocol):
    def complete_since(self) -> datetime:
        """From when on nothing can be missing. What is not there was removed, or never was: rows
        that tell of older events were made of another topic or outbox."""

    def start(self, since: datetime | None) -> int:
        """Where the first pass begins; about how many events it will give."""

    def read(self, *, is_last: bool = False) -> Iterator[list[Event]]:
        """One pass. The last one is made while the handler waits: it asks for less."""

    def is_passed(self, event: Event) -> bool:
        """Whether the group had gone past it when this pass began, so that it is done with it."""

    def skip_rest(self, event: Event) -> None:
        """Nothing behind this event can have been handled: the pass need not go on there."""

    def close(self) -> None: ...


class TopicSource:
    """What the topics have."""

    def __init__(self, adapter: BusAdapter, group: str, topics: Sequence[str]) -> None:
        """Raises RetryableError."""
        self._adapter = adapter
        self._group_id = broker_group_id(group)
        self._topics = list(topics)
        self._reader = adapter.open_reader(topics)
        self._marks: dict[TopicPartition, int] = {}
        self._passed: dict[TopicPartition, int] = {}

    def complete_since(self) -> datetime:
        """The youngest of the partitions' first records, among those whose older ones are gone; of
        a topic of which nothing is gone, a little before the oldest event on it."""
        beginnings, ends = self._reader.beginnings(), self._reader.ends()
        cut = [part for part, offset in beginnings.items() if offset > 0]
        if cut:
            return max(self._moment_at(part, beginnings[part], ends[part]) for part in cut)
        there = {part: at for part, at in beginnings.items() if at < ends[part]}
        first = (self._happened_at(part, at, ends[part]) for part, at in there.items())
        return min(first, default=datetime.now(UTC)) - MARGIN

    def start(self, since: datetime | None) -> int:
        if since is None:
            self._marks = self._reader.beginnings()
        else:
            self._marks = self._reader.offsets_at(_milliseconds(since - MARGIN))
        return self._left()

    def start_at(self, offsets: Offsets) -> int:
        """Only of these partitions, from these offsets on."""
        beginnings = self._reader.beginnings()
        self._marks = {part: max(at, beginnings[part]) for part, at in offsets.items()}
        return self._left()

    def moment_at(self, offsets: Offsets) -> datetime | None:
        """When the oldest of the records there was written; None when there is none."""
        ends = self._reader.ends()
        there = {part: at for part, at in offsets.items() if at < ends[part]}
        return min(
            (self._moment_at(part, at, ends[part]) for part, at in there.items()), default=None
        )

    def partitions(self) -> Sequence[TopicPartition]:
        return list(self._reader.beginnings())

    def read(self, *, is_last: bool = False) -> Iterator[list[Event]]:
        if not is_last:
            self._passed = self._committed()
        starts, ends = self._marks, self._reader.ends()
        self._marks = {part: self._next_mark(part, at, ends[part]) for part, at in starts.items()}
        for records in self._reader.read(
            {part: min(at, ends[part]) for part, at in starts.items()}, ends
        ):
            events = []
            for record in records:
                try:
                    events.append(decode(record))
                except InvalidEventError:
                    continue  # it is among the dead letters, and no handler was given it
            yield events

    def is_passed(self, event: Event) -> bool:
        assert event.position is not None
        part = TopicPartition(event.position.topic, event.position.partition)
        return event.position.offset < self._passed.get(part, 0)

    def skip_rest(self, event: Event) -> None:
        assert event.position is not None
        self._reader.skip_rest(TopicPartition(event.position.topic, event.position.partition))

    def close(self) -> None:
        self._reader.close()

    def _next_mark(self, part: TopicPartition, start: int, end: int) -> int:
        return min(max(start, self._passed.get(part, 0)), end)

    def _committed(self) -> dict[TopicPartition, int]:
        """A topic that was made again is shorter than what was committed: that says nothing."""
        lags = self._adapter.lag(group_id=self._group_id, topics=self._topics)
        return {
            lag.topic_partition: lag.committed_offset
            for lag in lags
            if lag.committed_offset <= lag.end_offset
        }

    def _left(self) -> int:
        ends = self._reader.ends()
        return sum(max(0, ends[part] - at) for part, at in self._marks.items())

    def _moment_at(self, part: TopicPartition, start: int, end: int) -> datetime:
        """When the first record from there on was written; now, where all of it is gone."""
        record = self._record_at(part, start, end)
        return _written_at(record) if record else datetime.now(UTC)

    def _happened_at(self, part: TopicPartition, start: int, end: int) -> datetime:
        """What waited for Kafka is older than its record."""
        record = self._record_at(part, start, end)
        if record is None:
            return datetime.now(UTC)
        with suppress(InvalidEventError, ValueError):
            return min(_written_at(record), decode(record).happened_at)
        return _written_at(record)

    def _record_at(self, part: TopicPartition, start: int, end: int) -> Record | None:
        if start < end:
            for records in self._reader.read({part: start}, {part: end}):
                return records[0]
        return None


class OutboxSource:
    """What the outbox has: embedded, events are nowhere else."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._rows = OutboxEvent.objects.filter(topic__in=list(topics))
        self._mark = 0
        self._unfinished: list[int] = []
        self._published: set[str] = set()

    def complete_since(self) -> datetime:
        """Nobody writes down what was removed: only what is there is known to be complete."""
        first = self._rows.order_by("id").values_list("created_at", flat=True).first()
        return (first or datetime.now(UTC)) - BEFORE_ITS_ROW

    def start(self, since: datetime | None) -> int:
        rows = self._rows.filter(created_at__gte=since - MARGIN) if since else self._rows
        self._mark = rows.aggregate(first=Min("id"))["first"] or 0
        return rows.count()

    def read(self, *, is_last: bool = False) -> Iterator[list[Event]]:
        """What is new since the pass before began, and what was not done with then: chats are
        handled in any order, and what was set aside or cancelled may go out after all."""
        at, self._mark = self._mark, self._next_mark()
        before, self._unfinished = [pk for pk in self._unfinished if pk < at], []
        for start in range(0, len(before), ROWS_AT_ONCE):
            yield self._events(self._rows.filter(id__in=before[start : start + ROWS_AT_ONCE]))
        rows = self._rows.order_by("id")
        while found := list(rows.filter(id__gte=at).values_list("id", flat=True)[:ROWS_AT_ONCE]):
            at = found[-1] + 1
            yield self._events(self._rows.filter(id__gte=found[0], id__lt=at))

    def _events(self, rows: QuerySet[OutboxEvent]) -> list[Event]:
        events, self._published = [], set()
        for *fields, status in rows.order_by("id").values_list(*OutboxRow._fields, "status"):
            row = OutboxRow(*fields)
            if status == OutboxEvent.Status.PUBLISHED:
                self._published.add(str(row.event_id))
            else:
                self._unfinished.append(row.id)
            try:
                events.append(event_of(row))
            except InvalidEventError:
                continue  # it was set aside, and no handler was given it
        return events

    def is_passed(self, event: Event) -> bool:
        return str(event.event_id) in self._published

    def skip_rest(self, event: Event) -> None:
        """Nothing follows from one row of the outbox for the others."""

    def close(self) -> None:
        """Holds nothing."""

    def _next_mark(self) -> int:
        """Ids are given before they are committed: what is younger than a while is read again."""
        settled = datetime.now(UTC) - SETTLED_AFTER
        newest = self._rows.filter(created_at__lt=settled).aggregate(newest=Max("id"))["newest"]
        return (newest or 0) + 1


def _written_at(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
