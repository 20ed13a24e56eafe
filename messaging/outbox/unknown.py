"""Finds what the topics tell and this database does not know, though it should: where it is a
backup that was restored, numbers would be given a second time.

Looks at what is younger than all that the outbox has published: mostly nothing.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.dispatch import Signal

from messaging.bus.adapter import TopicReader
from messaging.bus.base_adapter import BusAdapter
from messaging.contract.events import Event
from messaging.contract.records import Record, TopicPartition
from messaging.contract.schemas import topics
from messaging.contract.validation import decode
from messaging.errors import CircuitOpenError, InvalidEventError, MessagingError, RetryableError
from messaging.models import HandledEvent, OutboxEvent

logger = logging.getLogger(__name__)

# Argument: `events`, on the topics and unknown here. A receiver raises OlderDatabaseError where
# they can only be this database's own.
unknown_found = Signal()

NEWEST: Final = 10_000  # rows of the outbox that say how far each partition is known
MARGIN: Final = timedelta(minutes=1)  # between clocks
AGAIN_SECONDS: Final = 5.0
LATER_SECONDS: Final = 60.0


class OlderDatabaseError(CircuitOpenError):
    """Raised instead of publishing, until the database knows what it has told before."""

    def __init__(self) -> None:
        MessagingError.__init__(
            self,
            "The topics tell of more than this database knows: it is older than they are. Nothing"
            " is published until manage.py catch_up_with_topics has been run.",
        )
        self.retry_after_seconds = AGAIN_SECONDS


class Known(NamedTuple):
    """How far the outbox has published: the next offset in partitions; the others by time."""

    offsets: Mapping[TopicPartition, int]
    until: datetime

    def starts(self, reader: TopicReader) -> dict[TopicPartition, int]:
        by_time = reader.offsets_at(int((self.until - MARGIN).timestamp() * 1000))
        return by_time | {part: at for part, at in self.offsets.items() if part in by_time}


class Found(NamedTuple):
    record: Record
    event: Event


class Guard:
    """Of one relay: asks until it is known that nothing was told before."""

    def __init__(self, adapter: BusAdapter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._adapter = adapter
        self._clock = clock
        self._known: Known | None = None
        self._look_at = 0.0
        self.is_closed = False

    def check(self) -> None:
        """Raises OlderDatabaseError. Where the topics cannot be read, it looks again later."""
        if self._clock() < self._look_at:
            return
        # As it was before this relay published anything.
        self._known = self._known or published_so_far()
        try:
            if self._known:
                self._look(self._known)
        except OlderDatabaseError as error:
            if not self.is_closed:
                logger.error("%s", error)
            self.is_closed = True
            raise
        except RetryableError:
            self._look_at = self._clock() + LATER_SECONDS
        else:
            self.is_closed, self._look_at = False, math.inf

    def _look(self, known: Known) -> None:
        for found in read_unknown(self._adapter, known):
            unknown_found.send(sender=Guard, events=[event for _, event in found])


def published_so_far() -> Known | None:
    """None where nothing was published yet."""
    rows = OutboxEvent.objects.filter(
        status=OutboxEvent.Status.PUBLISHED, partition__isnull=False, published_at__isnull=False
    ).order_by("-id")
    offsets: dict[TopicPartition, int] = {}
    moments: list[datetime] = []
    fields = ("topic", "partition", "offset", "published_at")
    for topic, partition, offset, published_at in rows.values_list(*fields)[:NEWEST]:
        part = TopicPartition(topic, partition)
        offsets[part] = max(offsets.get(part, 0), offset + 1)
        moments.append(published_at)
    return Known(offsets, max(moments)) if moments else None


def read_unknown(adapter: BusAdapter, known: Known) -> Iterator[list[Found]]:
    """In order within each partition. Raises RetryableError."""
    reader = adapter.open_reader(list(topics()))
    try:
        ends = reader.ends()
        starts = {part: min(at, ends[part]) for part, at in known.starts(reader).items()}
        for records in reader.read(starts, ends):
            if found := _unknown(records):
                yield found
    finally:
        reader.close()


def _unknown(records: Sequence[Record]) -> list[Found]:
    read = []
    for record in records:
        try:
            read.append(Found(record, decode(record)))
        except InvalidEventError:
            continue  # no event of ours
    ids = {found.event.event_id for found in read}
    for model in (OutboxEvent, HandledEvent):
        if ids:
            ids -= set(
                model._default_manager.filter(event_id__in=ids).values_list("event_id", flat=True)
            )
    return [found for found in read if found.event.event_id in ids]
