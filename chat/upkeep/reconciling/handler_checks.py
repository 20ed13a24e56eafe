"""Compares events with what the handlers made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min, Q
from django.utils import timezone

from chat.upkeep.reconciling.damage import Damage
from chat.upkeep.reconciling.snapshot import Scope, adapted, aware, parts, query
from messaging.handling.registry import Handler, registry
from messaging.models import DeadLetter, HandledEvent, LostRecords, OutboxEvent

PUBLISHED = OutboxEvent.Status.PUBLISHED.value

# An event was published a little before a handler's first handled event, and yet was its to handle.
BEFORE_ITS_FIRST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Walk:
    """How far a handler has come in one partition: the newest it has handled; and since when.

    Or offsets that the bus removed before its group got there: from `first` to the one before
    `offset`; nothing of that is on its way."""

    part: int | None
    offset: int | None
    handled_at: datetime
    began_at: datetime
    first: int = 0
    is_lost: bool = False

    def ends_at(self, grace: timedelta) -> datetime:
        handled_at = aware(self.handled_at)
        return handled_at if self.is_lost else min(handled_at, timezone.now() - grace)


def check_handled(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    """Note [Passed over]: an event that a handler has not handled, though it has handled a later
    record of the partition, given since the event was published. What merely waits is not damage;
    nor is what was published before the handler was there. What was removed from its topic before
    its group read it has been passed over in any case."""
    for handler in registry:
        found: set[int] = set()
        for walk in [*_walks(handler), *_lost(handler)]:
            for damage in _passed_over(handler, walk, grace):
                if damage.ref not in found:
                    found.add(damage.ref)
                    yield damage


def _walks(handler: Handler) -> Iterator[Walk]:
    own = HandledEvent.objects.filter(
        group=handler.group, handler=handler.name, topic=handler.topic
    )
    began_at = own.aggregate(began_at=Min("handled_at"))["began_at"]
    # A batch is written in the order of event ids, so its last row says nothing of places.
    newest = """
        SELECT r.partition, max(r."offset"), r.handled_at FROM messaging_receipt r JOIN (
            SELECT partition, max(handled_at) AS handled_at FROM messaging_receipt
            WHERE "group" = %s AND handler = %s AND topic = %s GROUP BY partition
        ) n ON n.handled_at = r.handled_at AND coalesce(n.partition, -1) = coalesce(r.partition, -1)
        WHERE r."group" = %s AND r.handler = %s AND r.topic = %s
        GROUP BY r.partition, r.handled_at
    """
    whose = [handler.group, handler.name, handler.topic]
    for part, offset, handled_at in query(newest, whose * 2):
        yield Walk(part, offset, handled_at, began_at)


def _lost(handler: Handler) -> Iterator[Walk]:
    for lost in LostRecords.objects.open().filter(group=handler.group, topic=handler.topic):
        yield Walk(
            lost.partition,
            lost.end_offset,
            handled_at=lost.noticed_at,
            began_at=datetime(1971, 1, 1, tzinfo=UTC),
            first=lost.first_offset,
            is_lost=True,
        )


def _passed_over(handler: Handler, walk: Walk, grace: timedelta) -> Iterator[Damage]:
    place, parameters = "e.part IS NULL", []
    if walk.part is not None:
        place = "e.part = %s AND e.off >= %s AND e.off < %s"
        parameters = [walk.part, walk.first, walk.offset]
    sql = f"""
        SELECT e.pk, e.chat_id, e.seq, e.event_id, e.topic, e.part, e.off FROM reconcile_event e
        WHERE e.topic = %s AND e.status = %s AND {place}
          AND e.published_at BETWEEN %s AND %s AND NOT EXISTS (
            SELECT 1 FROM messaging_receipt r WHERE r.event_id = e.event_id
              AND r."group" = %s AND r.handler = %s)
        ORDER BY e.chat_id, e.pk
    """  # noqa: S608  conditions of our own
    times = [adapted(aware(walk.began_at) - BEFORE_ITS_FIRST), adapted(walk.ends_at(grace))]
    given = [handler.topic, PUBLISHED, *parameters, *times, handler.group, handler.name]
    for rows in parts(query(sql, given)):
        dead = _dead(handler, rows)
        for pk, chat_id, seq, event_id, *_place in rows:
            if pk not in dead:
                values = {
                    "event": UUID(str(event_id)),
                    "handlers": f"{handler.group}/{handler.name}",
                }
                yield Damage("unhandled_event", chat_id, seq, pk, values)


def _dead(handler: Handler, rows: list[tuple[Any, ...]]) -> set[int]:
    letters = DeadLetter.objects.filter(
        Q(event_id__in=[UUID(str(row[3])) for row in rows], handler=handler.name)
        | Q(handler="", offset__in=[row[6] for row in rows if row[6] is not None]),
        group=handler.group,
    ).values_list("event_id", "topic", "partition", "offset")
    found = list(letters)
    ids, places = {row[0] for row in found}, {row[1:] for row in found}
    return {row[0] for row in rows if UUID(str(row[3])) in ids or tuple(row[4:7]) in places}


def check_audit(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    sql = """
        SELECT e.pk, e.chat_id, e.seq, e.event_id FROM reconcile_event e
        WHERE EXISTS (SELECT 1 FROM messaging_receipt r
                      WHERE r.event_id = e.event_id AND r.handler = 'audit')
          AND NOT EXISTS (SELECT 1 FROM chat_auditentry a WHERE a.event_id = e.event_id)
        ORDER BY e.chat_id, e.pk
    """
    for pk, chat_id, seq, event_id in query(sql):
        yield Damage("unaudited_event", chat_id, seq, pk, {"event": UUID(str(event_id))})
