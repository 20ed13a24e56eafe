"""Compares the counts of the handler `activity` with the messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncDay

from chat.events.topics import MESSAGES_TOPIC
from chat.models import ActivityCount, Message
from chat.reads.activity import Span, start_of
from chat.upkeep.reconciling.damage import Damage
from chat.upkeep.reconciling.message_checks import check_chats, check_events, check_messages
from chat.upkeep.reconciling.snapshot import ROWS_AT_ONCE, Scope, query
from messaging.models import HandledEvent

UNCOUNTABLE = {
    "seq_hole",
    "message_without_event",
    "lost_words_without_event",
    "event_without_message",
}


def check_activity(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    """Days of chats of which the handler has had everything, and of which nothing is missing: what
    else is damaged is told by its own name."""
    has_run = HandledEvent.objects.filter(handler="activity").exists()
    if not has_run and not ActivityCount.objects.filter(span="day").exists():
        return
    busy = _chats_with_uncounted_events()
    for check in (check_chats, check_messages, check_events):
        found = check(scope, grace)
        busy |= {damage.chat_id for damage in found if damage.code in UNCOUNTABLE}
    # Both by chat, day and person, in this order.
    both = merge(_written(scope), _counted(scope), key=lambda row: row[:3])
    for (chat_id, day, user), rows in groupby(both, key=lambda row: row[:3]):
        sums = {"expected": 0, "found": 0} | {name: count for *_place, name, count in rows}
        if sums["expected"] != sums["found"] and chat_id not in busy:
            values = {"user": user, "day": f"{day:%Y-%m-%d}", **sums}
            yield Damage("wrong_activity", chat_id, None, chat_id, values)


def _written(scope: Scope) -> Iterator[tuple[Any, ...]]:
    messages = Message.objects.filter(**_of(scope, moment="created_at"))
    days = messages.annotate(day=TruncDay("created_at", tzinfo=UTC))
    rows = days.values_list("chat_id", "day", "sender_id").annotate(count=Count("pk"))
    for *place, count in rows.order_by("chat_id", "day", "sender_id").iterator(ROWS_AT_ONCE):
        yield (*place, "expected", count)


def _counted(scope: Scope) -> Iterator[tuple[Any, ...]]:
    counts = ActivityCount.objects.filter(span="day", **_of(scope, moment="starts_at"))
    place = ("chat_id", "starts_at", "user_id")
    for *found, count in (
        counts.order_by(*place).values_list(*place, "messages").iterator(ROWS_AT_ONCE)
    ):
        yield (*found, "found", count)


def _of(scope: Scope, *, moment: str) -> dict[str, Any]:
    """The scope's conditions: whole days only."""
    conditions: dict[str, Any] = {}
    if scope.chat_id is not None:
        conditions["chat_id"] = scope.chat_id
    if scope.since is not None:
        conditions[f"{moment}__gte"] = _next_day(scope.since)
    return conditions


def _chats_with_uncounted_events() -> set[int | None]:
    sql = """
        SELECT DISTINCT e.chat_id FROM reconcile_event e
        WHERE e.topic = %s AND e.action = 'created' AND NOT EXISTS (
            SELECT 1 FROM messaging_receipt r
            WHERE r.event_id = e.event_id AND r.handler = 'activity')
    """
    return {chat_id for (chat_id,) in query(sql, [MESSAGES_TOPIC])}


def _next_day(moment: datetime) -> datetime:
    """The first day of which everything is younger."""
    return start_of(Span.DAY, moment - timedelta(microseconds=1)) + timedelta(days=1)
