"""Decides which events a handler has not had yet, by recording them as handled.

In the handlers' transaction: these rows and the effects are committed together or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.utils import timezone

from messaging.contract.events import Event
from messaging.models import HandledEvent

# Rows are written in the order of event ids: two consumers that were given the same events after a
# rebalance wait for each other instead of deadlocking.
INSERT = """
    INSERT INTO messaging_receipt
        (event_id, "group", handler, topic, partition, "offset", attempts, handled_at)
    SELECT e.event_id, %s, h.handler, e.topic, e.partition, e."offset", %s, %s
    FROM unnest(%s::uuid[], %s::text[], %s::integer[], %s::bigint[])
             AS e(event_id, topic, partition, "offset"),
         unnest(%s::text[]) AS h(handler)
    ORDER BY e.event_id, h.handler
    ON CONFLICT DO NOTHING
    RETURNING event_id, handler
"""


def claim(
    events: Sequence[Event], *, group: str, handlers: Sequence[str], attempts: int = 1
) -> dict[str, list[Event]]:
    """Writes the missing rows; returns the events that each handler has not had, in order."""
    unique = list({event.event_id: event for event in events}.values())
    if connection.vendor == "postgresql":
        claimed = _claim_by_conflict(unique, group, handlers, attempts)
    else:
        claimed = _claim_by_reading(unique, group, handlers, attempts)
    if len(claimed) == len(unique) * len(handlers):
        return dict.fromkeys(handlers, unique)
    return {
        name: [event for event in unique if (event.event_id, name) in claimed] for name in handlers
    }


def _claim_by_conflict(
    events: Sequence[Event], group: str, handlers: Sequence[str], attempts: int
) -> set[tuple[UUID, str]]:
    places = [event.position for event in events]
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                group,
                attempts,
                timezone.now(),
                [event.event_id for event in events],
                [event.topic for event in events],
                [place.partition if place else None for place in places],
                [place.offset if place else None for place in places],
                list(handlers),
            ],
        )
        return set(cursor.fetchall())


def _claim_by_reading(
    events: Sequence[Event], group: str, handlers: Sequence[str], attempts: int
) -> set[tuple[UUID, str]]:
    """SQLite: the transaction has been the only writer since it began (IMMEDIATE)."""
    had = set(
        HandledEvent.objects.filter(
            event_id__in=[event.event_id for event in events], group=group, handler__in=handlers
        ).values_list("event_id", "handler")
    )
    missing = [(e, name) for e in events for name in handlers if (e.event_id, name) not in had]
    HandledEvent.objects.bulk_create(
        HandledEvent(
            event_id=event.event_id,
            group=group,
            handler=name,
            topic=event.topic,
            partition=event.position.partition if event.position else None,
            offset=event.position.offset if event.position else None,
            attempts=attempts,
        )
        for event, name in missing
    )
    return {(event.event_id, name) for event, name in missing}
