"""Traces single events: outbox, place on the topic, handled events, dead letters. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson

from messaging.handling.registry import Registry
from messaging.models import DeadLetter, HandledEvent, OutboxEvent
from messaging.operating.ids_by_time import first_id_since

# How far in time an outbox row may be from the change that it describes.
AROUND: Final = timedelta(seconds=10)
STATES: Final = {
    OutboxEvent.Status.WAITING: "waiting",
    OutboxEvent.Status.PUBLISHED: "published",
    OutboxEvent.Status.ERROR: "set aside",
    OutboxEvent.Status.CANCELLED: "cancelled",
}
REMOVED: Final = "removed"  # from the outbox, when it was old


@dataclass(frozen=True, slots=True)
class Handling:
    """What one handler did with it; `handled_at` None: not yet."""

    group: str
    handler: str
    attempts: int
    handled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Letter:
    id: int
    status: str
    group: str
    handler: str
    error_class: str
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EventTrace:
    event_id: UUID
    event_type: str
    topic: str
    state: str
    attempts: int
    last_error: str
    recorded_at: datetime | None
    published_at: datetime | None
    partition: int | None
    offset: int | None
    handlings: Sequence[Handling]
    letters: Sequence[Letter]


def find_events(
    topic: str, key: str, field: str, value: str, moments: Iterable[datetime]
) -> set[UUID]:
    """The outbox's events of this topic and key, about one of these moments, whose payload says
    `value` in `field`.

    Without an index of its own, which every message would have to pay for: ids follow time.
    """
    found: set[UUID] = set()
    for since, until in _windows(moments):
        first = first_id_since(OutboxEvent, "created_at", since)
        end = first_id_since(OutboxEvent, "created_at", until)
        rows = OutboxEvent.objects.filter(id__gte=first, id__lt=end, topic=topic, key=key)
        for event_id, payload in rows.values_list("event_id", "payload").iterator():
            if orjson.loads(payload).get(field) == value:
                found.add(event_id)
    return found


def _windows(moments: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """The times around the moments; what overlaps is one."""
    found: list[tuple[datetime, datetime]] = []
    for moment in sorted(moments):
        since, until = moment - AROUND, moment + AROUND
        if found and since <= found[-1][1]:
            since = found.pop()[0]
        found.append((since, until))
    return found


def trace_events(event_ids: Collection[UUID], registry: Registry) -> list[EventTrace]:
    """In the order in which they were recorded; those that left nothing behind are left out."""
    rows = {row.event_id: row for row in OutboxEvent.objects.filter(event_id__in=event_ids)}
    handled: dict[UUID, list[HandledEvent]] = defaultdict(list)
    for row in HandledEvent.objects.filter(event_id__in=event_ids).order_by("group", "id"):
        handled[row.event_id].append(row)
    letters: dict[UUID, list[Letter]] = defaultdict(list)
    for letter in DeadLetter.objects.filter(event_id__in=event_ids).order_by("id"):
        if letter.event_id is not None:
            letters[letter.event_id].append(_letter(letter))
    known = rows.keys() | handled.keys() | letters.keys()
    traces = [
        _trace(event_id, rows.get(event_id), handled[event_id], letters[event_id], registry)
        for event_id in known
    ]
    return sorted(traces, key=_when)


def _trace(
    event_id: UUID,
    row: OutboxEvent | None,
    handled: Sequence[HandledEvent],
    letters: Sequence[Letter],
    registry: Registry,
) -> EventTrace:
    topic = row.topic if row else handled[0].topic if handled else ""
    place = row if row and row.partition is not None else next(iter(handled), None)
    return EventTrace(
        event_id=event_id,
        event_type=row.event_type if row else "",
        topic=topic,
        state=STATES[OutboxEvent.Status(row.status)] if row else REMOVED,
        attempts=row.attempts if row else 0,
        last_error=row.last_error if row else "",
        recorded_at=row.created_at if row else None,
        published_at=row.published_at if row else None,
        partition=place.partition if place else None,
        offset=place.offset if place else None,
        handlings=_handlings(topic, handled, registry),
        letters=letters,
    )


def _handlings(topic: str, handled: Sequence[HandledEvent], registry: Registry) -> list[Handling]:
    """Of each handler that it is for, and of those that had it and are no more."""
    done = {
        (row.group, row.handler): Handling(row.group, row.handler, row.attempts, row.handled_at)
        for row in handled
    }
    expected = [
        (group, handler.name)
        for group in registry.groups()
        for handler in registry.handlers(topic, group)
    ]
    missing = {name: Handling(*name, attempts=0, handled_at=None) for name in expected}
    return sorted((missing | done).values(), key=lambda one: (one.group, one.handler))


def _letter(letter: DeadLetter) -> Letter:
    return Letter(
        id=letter.pk,
        status=letter.status,
        group=letter.group,
        handler=letter.handler,
        error_class=letter.error_class,
        attempts=letter.attempts,
        created_at=letter.created_at,
    )


def _when(trace: EventTrace) -> float:
    """Without a row in the outbox: by what was done with it."""
    moments = [one.handled_at for one in trace.handlings if one.handled_at]
    moments += [letter.created_at for letter in trace.letters]
    return (trace.recorded_at or min(moments)).timestamp()
