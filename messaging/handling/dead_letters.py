"""Sets aside what cannot be processed: on `<topic>.dlq` for other systems, and in a table for
operators.

Both before the offset is committed: a record that cannot be set aside is not skipped.
"""

from __future__ import annotations

import base64
import json
import logging
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection
from django.db.models import Max, QuerySet
from django.utils import timezone

from messaging.away import DatabaseUnavailableError
from messaging.bus.base_adapter import BusAdapter
from messaging.bus.configuration import dead_letter_topic
from messaging.contract.events import Event
from messaging.contract.records import Headers, OutgoingRecord, Record, RecordPosition
from messaging.describing import clean, describe
from messaging.errors import PermanentError, RetryableError
from messaging.handling.dead_letter_limit import DeadLetterLimit
from messaging.models import DeadLetter, HandledEvent

logger = logging.getLogger(__name__)

PREFIX = "dead-letter-"
NOWHERE = -1  # partition and offset of what was on no topic (embedded mode)
PUBLISH_SECONDS = 10.0
TRACEBACK_LENGTH = 20_000
HANDLED_LOOKED_AT = 100_000  # of all handlers, at the start of a consumer


class DeadLetterBox:
    """One group's. Without an adapter (embedded mode) there is only the table."""

    def __init__(
        self, group: str, adapter: BusAdapter | None, *, limit: DeadLetterLimit | None = None
    ) -> None:
        self._group = group
        self._adapter = adapter
        self._limit = limit or DeadLetterLimit()

    def remember(self, handlers: Iterable[str]) -> None:
        """Reads the counts of earlier processes: restarting a consumer that stopped at the limit,
        with the fault still there, makes no further dead letters."""
        rows = {
            name: failures_in_a_row(self._group, name, self._limit.in_a_row) for name in handlers
        }
        self._limit.remember(rows)

    def holds(self, record: Record, handler: str, event_id: UUID | None) -> bool:
        return self._find(record, handler, event_id).exists()

    def add(
        self,
        record: Record,
        handler: str,
        error: Exception,
        *,
        attempts: int = 1,
        event_id: UUID | None = None,
    ) -> None:
        """Once, however often the record is delivered.

        Raises RetryableError when it cannot be written now, TooManyDeadLettersError at the limit.
        """
        try:
            if self.holds(record, handler, event_id):
                return
            self._limit.check(handler)
            if self._adapter is not None:
                self._publish(self._adapter, record, handler, error, attempts)
            self._write(record, handler, error, attempts, event_id)
        except DatabaseUnavailableError:
            connection.close_if_unusable_or_obsolete()
            raise
        self._limit.note_dead(handler)
        logger.error(
            "Dead letter: %s",
            describe(error),
            extra={
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "event_id": str(event_id or ""),
                "group": self._group,
                "handler": handler,
                "attempts": attempts,
            },
        )

    def note_success(self, handlers: Iterable[str]) -> None:
        self._limit.note_success(handlers)

    def _find(self, record: Record, handler: str, event_id: UUID | None) -> QuerySet[DeadLetter]:
        same = DeadLetter.objects.filter(group=self._group, handler=handler)
        if record.partition == NOWHERE:
            return same.filter(event_id=event_id, partition=None)
        return same.filter(topic=record.topic, partition=record.partition, offset=record.offset)

    def _publish(
        self, adapter: BusAdapter, record: Record, handler: str, error: Exception, attempts: int
    ) -> None:
        headers = record.headers + self._headers(record, handler, error, attempts)
        result = _send(adapter, record, record.value, headers)
        if isinstance(result, PermanentError):
            # With its new headers it exceeds the limit: the table has all of it.
            left_out = ((f"{PREFIX}value", b"left out: too large; it is in the table"),)
            headers = self._headers(record, handler, error, attempts) + left_out
            result = _send(adapter, record, None, headers)
        if isinstance(result, Exception):
            raise RetryableError(
                f"{dead_letter_topic(record.topic)} cannot be written to: {describe(result)}"
            ) from result

    def _headers(self, record: Record, handler: str, error: Exception, attempts: int) -> Headers:
        words = {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "group": self._group,
            "handler": handler,
            "error-class": type(error).__name__,
            "error-message": clean(str(error)),
            "attempts": attempts,
            "time": timezone.now().isoformat(timespec="milliseconds"),
        }
        return tuple((PREFIX + name, str(word).encode()) for name, word in words.items())

    def _write(
        self, record: Record, handler: str, error: Exception, attempts: int, event_id: UUID | None
    ) -> None:
        is_somewhere = record.partition != NOWHERE
        letter = DeadLetter(
            topic=record.topic,
            partition=record.partition if is_somewhere else None,
            offset=record.offset if is_somewhere else None,
            record_key=record.key,
            value=record.value,
            headers=pack_headers(record.headers),
            record_timestamp=_time_of(record),
            event_id=event_id,
            group=self._group,
            handler=handler,
            error_class=type(error).__name__,
            error_message=clean(str(error), longest=2000),
            traceback=clean("".join(traceback.format_exception(error)), longest=TRACEBACK_LENGTH),
            attempts=attempts,
        )
        # Another consumer may have written it in the meantime.
        DeadLetter.objects.bulk_create([letter], ignore_conflicts=True)


class EventLetters:
    """The same box for events that were read from records; `find_record` finds an event's."""

    def __init__(self, box: DeadLetterBox, find_record: Callable[[Event], Record]) -> None:
        self._box = box
        self._find_record = find_record

    def holds(self, event: Event, handler: str) -> bool:
        return self._box.holds(self._find_record(event), handler, event.event_id)

    def add(self, event: Event, handler: str, error: Exception, *, attempts: int) -> None:
        record = self._find_record(event)
        self._box.add(record, handler, error, attempts=attempts, event_id=event.event_id)

    def note_success(self, handlers: Iterable[str]) -> None:
        self._box.note_success(handlers)


def failures_in_a_row(group: str, handler: str, at_most: int) -> int:
    """Dead letters of the handler since its last success."""
    letters = DeadLetter.objects.filter(group=group, handler=handler).order_by("-id")
    times = list(letters.values_list("created_at", flat=True)[:at_most])
    if not times:
        return 0
    newest = HandledEvent.objects.aggregate(newest=Max("id"))["newest"] or 0
    success = HandledEvent.objects.filter(
        id__gt=newest - HANDLED_LOOKED_AT, group=group, handler=handler
    ).aggregate(last=Max("handled_at"))["last"]
    return sum(success is None or time > success for time in times)


def record_of(letter: DeadLetter) -> Record:
    """The record, byte for byte as it was."""
    return Record(
        topic=letter.topic,
        partition=NOWHERE if letter.partition is None else letter.partition,
        offset=NOWHERE if letter.offset is None else letter.offset,
        key=None if letter.record_key is None else bytes(letter.record_key),
        value=None if letter.value is None else bytes(letter.value),
        headers=unpack_headers(letter.headers),
        timestamp_ms=int(letter.record_timestamp.timestamp() * 1000)
        if letter.record_timestamp
        else 0,
    )


def pack_headers(headers: Headers) -> str:
    # Escaped: a name may contain characters that the database rejects.
    pairs = [
        [clean(name, longest=1000), base64.b64encode(value).decode()] for name, value in headers
    ]
    return json.dumps(pairs)


def unpack_headers(text: str) -> Headers:
    return tuple((name, base64.b64decode(value)) for name, value in json.loads(text))


def _send(
    adapter: BusAdapter, record: Record, value: bytes | None, headers: Headers
) -> RecordPosition | Exception:
    key = _key_text(record.key)
    if key is None and value is None:
        value = b""  # a client can write neither key nor value only by hand
    outgoing = OutgoingRecord(dead_letter_topic(record.topic), key, value, headers)
    return adapter.publish_many([outgoing], timeout_seconds=PUBLISH_SECONDS)[0]


def _key_text(key: bytes | None) -> str | None:
    """A key that is not UTF-8 is left out: its bytes are in the table."""
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError:
        return None


def _time_of(record: Record) -> datetime | None:
    try:
        return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
