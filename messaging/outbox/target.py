"""Where the relay delivers to: Kafka, or in embedded mode the handlers of this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from messaging.bus.base_adapter import BusAdapter
from messaging.contract.records import Headers, OutgoingRecord, RecordPosition
from messaging.contract.schemas import find_schema
from messaging.contract.validation import encode_headers
from messaging.errors import InvalidEventError
from messaging.outbox.rows import OutboxRow
from messaging.outbox.unknown import Guard, OlderDatabaseError

# Shorter than the time that a stopping process has.
PUBLISH_SECONDS = 8.0

# For each row, in order: its place, None (handled, so it has no place), or the error.
Result = RecordPosition | None | Exception


class Target(Protocol):
    bus: str

    def deliver(self, rows: Sequence[OutboxRow]) -> list[Result]: ...

    def breaker_state(self) -> str: ...


class KafkaTarget:
    """Publishes through the adapter, whose breaker answers at once while the bus is down."""

    bus = "kafka"

    def __init__(self, adapter: BusAdapter, guard: Guard | None = None) -> None:
        self._adapter = adapter
        self._guard = guard

    def deliver(self, rows: Sequence[OutboxRow]) -> list[Result]:
        if refused := self._refusal():
            return [refused] * len(rows)
        prepared = [_prepare(row) for row in rows]
        records = [record for record in prepared if isinstance(record, OutgoingRecord)]
        answers = iter(self._adapter.publish_many(records, timeout_seconds=PUBLISH_SECONDS))
        return [next(answers) if isinstance(p, OutgoingRecord) else p for p in prepared]

    def breaker_state(self) -> str:
        if self._guard and self._guard.is_closed:
            return "open"
        return str(self._adapter.breaker.state)

    def _refusal(self) -> OlderDatabaseError | None:
        try:
            if self._guard:
                self._guard.check()
        except OlderDatabaseError as error:
            return error
        return None


def check_row(row: OutboxRow) -> None:
    """Raises InvalidEventError when the row breaks the contract of its topic."""
    schema = find_schema(row.topic, row.schema_version)
    payload = row.parsed()
    schema.check(payload)
    if row.event_type != schema.event_type(payload):
        raise InvalidEventError("the event type does not agree with the payload")


def headers_of(row: OutboxRow) -> Headers:
    return encode_headers(
        event_id=row.event_id,
        event_type=row.event_type,
        schema_version=row.schema_version,
        produced_at=row.created_at,
        traceparent=row.traceparent or None,
    )


def _prepare(row: OutboxRow) -> OutgoingRecord | InvalidEventError:
    try:
        check_row(row)
    except InvalidEventError as error:
        return error
    return OutgoingRecord(row.topic, row.key, row.payload.encode(), headers_of(row))
