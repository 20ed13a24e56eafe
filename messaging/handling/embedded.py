"""Embedded mode: the relay delivers to the handlers of all groups in this process.

A row counts as published when every group has handled it; until then it waits in the outbox, so a
crash loses nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from messaging.contract.events import Event
from messaging.contract.records import Record
from messaging.errors import InvalidEventError, RetryableError
from messaging.handling.dead_letters import NOWHERE, DeadLetterBox, EventLetters
from messaging.handling.dispatch import Dispatcher, Progress
from messaging.handling.registry import Registry
from messaging.outbox.rows import Lane, OutboxRow
from messaging.outbox.target import Result, check_row, headers_of

# Handlers run in the process that serves people: short turns.
BATCH_SIZE = 200
# Nobody waits for a round, and each takes time from the people being served.
GATHER_SECONDS = 0.1


class HandlerTarget:
    bus = "embedded"

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._dispatchers: dict[str, Dispatcher] = {}
        self._rows: dict[str, OutboxRow] = {}

    def deliver(self, rows: Sequence[OutboxRow]) -> list[Result]:
        """Raises DatabaseUnavailableError, TooManyDeadLettersError."""
        refused = {row.id: error for row in rows if (error := _refusal(row))}
        lanes: dict[Lane, list[OutboxRow]] = defaultdict(list)
        for row in rows:
            if row.id not in refused:
                lanes[row.lane].append(row)
        waiting = self._process(lanes)
        return [refused.get(row.id) or waiting.get(row.id) for row in rows]

    def breaker_state(self) -> str:
        return "closed"

    def _process(self, lanes: dict[Lane, list[OutboxRow]]) -> dict[int, RetryableError]:
        """For each row that some group has not handled, why it waits."""
        self._rows = {str(row.event_id): row for rows in lanes.values() for row in rows}
        events = {lane: [event_of(row) for row in rows] for lane, rows in lanes.items()}
        waiting: dict[int, RetryableError] = {}
        for group in self._registry.groups():
            for lane, progress in self._dispatcher(group).process(events).items():
                left = lanes[lane][progress.done :]
                waiting |= {row.id: _reason(group, progress) for row in left}
        return waiting

    def _dispatcher(self, group: str) -> Dispatcher:
        if group not in self._dispatchers:
            letters = EventLetters(DeadLetterBox(group, adapter=None), self._find_record)
            self._dispatchers[group] = Dispatcher(self._registry, group, letters=letters)
        return self._dispatchers[group]

    def _find_record(self, event: Event) -> Record:
        row = self._rows[str(event.event_id)]
        return Record(
            topic=row.topic,
            partition=NOWHERE,
            offset=NOWHERE,
            key=row.key.encode(),
            value=row.payload.encode(),
            headers=headers_of(row),
            timestamp_ms=int(row.created_at.timestamp() * 1000),
        )


def event_of(row: OutboxRow) -> Event:
    return Event(
        event_id=row.event_id,
        event_type=row.event_type,
        topic=row.topic,
        key=row.key,
        schema_version=row.schema_version,
        payload=row.parsed(),
        produced_at=row.created_at,
        traceparent=row.traceparent or None,
    )


def _refusal(row: OutboxRow) -> InvalidEventError | None:
    try:
        check_row(row)
    except InvalidEventError as error:
        return error
    return None


def _reason(group: str, progress: Progress) -> RetryableError:
    return RetryableError(
        f"a handler of {group} is tried again in {progress.retry_in_seconds:.1f} s"
    )
