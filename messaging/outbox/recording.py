"""Records events in the transaction of the change they describe; the relay takes them from there.

Must stay fast: every message passes through here. Never talks to the bus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.dispatch import Signal
from django.utils import timezone

from messaging.errors import InvalidEventError
from messaging.models import OutboxEvent
from messaging.outbox.event_ids import new_event_id
from messaging.pipeline.binary import boolean, int2s, texts, timestamptz, uuids
from messaging.pipeline.transactions import tell

# Sent once for each committed transaction that recorded events.
outbox_recorded = Signal()

# PostgreSQL channel on which relays of other processes listen.
NOTIFY_CHANNEL = "webchat_outbox"

INSERT_EVENTS = """
WITH recorded AS (
INSERT INTO messaging_outboxevent (
    event_id, topic, key, event_type, schema_version, payload, traceparent, created_at,
    status, attempts, last_error
)
SELECT event_id, topic, key, event_type, schema_version, payload, traceparent, $1::timestamptz,
    0, 0, ''
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::text[])
    WITH ORDINALITY
    AS given(event_id, topic, key, event_type, schema_version, payload, traceparent, place)
ORDER BY place
)
SELECT pg_notify($9::text, '') WHERE $10::boolean  -- delivered with the commit
"""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A fact in the past tense. Events of one key keep their order."""

    topic: str
    key: str
    event_type: str
    payload: Mapping[str, Any]
    schema_version: int = 1
    event_id: UUID = field(default_factory=new_event_id)
    traceparent: str = ""


def record_many(events: Sequence[NewEvent]) -> None:
    """Writes the events; on commit the relay wakes.

    Raises TransactionManagementError outside a transaction, InvalidEventError when a payload
    cannot be written as JSON.
    """
    if not events:
        return
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "An event is recorded in the transaction of the change it describes, so that neither"
            " exists without the other. Put both into one `with transaction.atomic():`."
        )
    is_first = not _will_wake(connection)
    now = timezone.now()
    if connection.vendor == "postgresql":
        _insert_together(events, now, tells_relays=is_first)
    else:
        _insert(events, now)
    if is_first:
        transaction.on_commit(_announce)


def _insert(events: Sequence[NewEvent], now: datetime) -> None:
    OutboxEvent.objects.bulk_create(
        OutboxEvent(
            event_id=event.event_id,
            topic=event.topic,
            key=event.key,
            event_type=event.event_type,
            schema_version=event.schema_version,
            payload=_written(event),
            traceparent=event.traceparent,
            created_at=now,
        )
        for event in events
    )


def _insert_together(events: Sequence[NewEvent], now: datetime, *, tells_relays: bool) -> None:
    """One statement for all of them. Through the ORM the rows of the outbox cost twice as much as
    the messages themselves: a third of the cost of posting.
    """
    tell(
        INSERT_EVENTS,
        timestamptz(now),
        uuids([event.event_id for event in events]),
        texts([event.topic for event in events]),
        texts([event.key for event in events]),
        texts([event.event_type for event in events]),
        int2s([event.schema_version for event in events]),
        texts([_written(event) for event in events]),
        texts([event.traceparent for event in events]),
        NOTIFY_CHANNEL.encode(),
        boolean(tells_relays),
    )


def _written(event: NewEvent) -> str:
    try:
        return orjson.dumps(event.payload).decode()
    except TypeError as error:
        raise InvalidEventError(f"{event.event_type} cannot be written as JSON: {error}") from None


def _will_wake(connection: BaseDatabaseWrapper) -> bool:
    """Once per transaction; a call in a savepoint counts only for what rolls back with it."""
    active = set(connection.savepoint_ids)
    return any(entry[1] is _announce and entry[0] <= active for entry in connection.run_on_commit)


def _announce() -> None:
    # A failing receiver must not fail the caller, who has just committed; the relay also sweeps.
    outbox_recorded.send_robust(sender=OutboxEvent)
