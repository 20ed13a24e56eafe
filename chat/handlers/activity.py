"""Counts created messages by chat and person, per minute, hour and day.

By the time given in the event, so that a replay gives the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from chat.events.row_ids import row_number
from chat.models import ActivityCount, ActivityShadow
from chat.reads.activity import Span, start_of
from messaging.contract.events import Event

Table = type[ActivityCount] | type[ActivityShadow]


class Place(NamedTuple):
    """Which row a message is counted in."""

    span: str
    starts_at: datetime
    chat_id: int
    user_id: int


def count_activity(events: Sequence[Event]) -> None:
    count_messages(events)


def count_messages(events: Sequence[Event], into: Table = ActivityCount) -> None:
    """Adds the created messages to the counts, with one statement however many there are."""
    _add(Counter(place for event in events for place in _places(event)), into)


def _places(event: Event) -> Iterator[Place]:
    payload = event.payload
    if payload.get("action", "created") != "created":
        return
    moment = event.happened_at
    chat_id, user_id = row_number(payload["chatId"]), row_number(payload["senderId"])
    for span in Span:
        yield Place(span.value, start_of(span, moment), chat_id, user_id)


def _add(counts: Counter[Place], into: Table) -> None:
    if not counts:
        return
    table = into._meta.db_table
    # Always in the same order, so that two consumers never deadlock.
    moment = connection.ops.adapt_datetimefield_value
    rows = [
        (span, moment(starts_at), chat_id, user_id, messages)
        for (span, starts_at, chat_id, user_id), messages in sorted(counts.items())
    ]
    columns = "(span, starts_at, chat_id, user_id, messages)"
    on_conflict = (
        "ON CONFLICT (span, starts_at, chat_id, user_id)"
        f" DO UPDATE SET messages = {table}.messages + EXCLUDED.messages"
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"INSERT INTO {table} {columns} SELECT * FROM unnest(%s::text[],"  # noqa: S608  a model's own table
                f" %s::timestamptz[], %s::bigint[], %s::bigint[], %s::bigint[]) {on_conflict}",
                [list(column) for column in zip(*rows, strict=True)],
            )
        else:
            cursor.executemany(
                f"INSERT INTO {table} {columns} VALUES (%s, %s, %s, %s, %s) {on_conflict}",  # noqa: S608  as above
                rows,
            )
