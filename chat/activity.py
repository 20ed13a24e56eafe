"""How many messages were written, by chat and person, a minute, an hour and a day: for the charts.

Counted by the moment that the event itself tells, so that a replay gives the same rows. All times
are in UTC.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet, Sum

from chat.event_ids import row_number
from chat.events import MESSAGES_TOPIC
from chat.models import ActivityCount, ActivityShadow
from chat.models.activity import ActivityBase
from messaging.events import Event
from messaging.registry import handler

Span = ActivityBase.Span
LENGTHS = {
    Span.MINUTE: timedelta(minutes=1),
    Span.HOUR: timedelta(hours=1),
    Span.DAY: timedelta(days=1),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A chart with more points than that is a mistake of the one who asks.
MOST_POINTS = 10_000

Table = type[ActivityCount] | type[ActivityShadow]


class Place(NamedTuple):
    """Which row a message is counted in."""

    span: str
    starts_at: datetime
    chat_id: int
    user_id: int


@handler(topic=MESSAGES_TOPIC, name="activity")
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
    # Always in the same order: two consumers that change places never wait for each other in turn.
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


def start_of(span: Span, moment: datetime) -> datetime:
    """The beginning of the minute, hour or day that `moment` is in."""
    moment = moment.astimezone(UTC)
    return moment - (moment - EPOCH) % LENGTHS[span]


@dataclass(frozen=True, slots=True)
class Point:
    starts_at: datetime
    messages: int


def series(
    span: Span,
    since: datetime,
    until: datetime,
    chat: int | None = None,
    person: int | None = None,
) -> list[Point]:
    """One point for each minute, hour or day that begins in [`since`, `until`), also where nothing
    was written. Raises ValueError for more than MOST_POINTS."""
    length, first = LENGTHS[span], start_of(span, since)
    if first < since:
        first += length
    if (until - first) / length > MOST_POINTS:
        raise ValueError(f"More than {MOST_POINTS} points: choose a longer span or a shorter time.")
    counts = _between(span, first, until, chat=chat, person=person)
    found = dict(counts.values_list("starts_at").annotate(Sum("messages")).order_by())
    points = []
    while first < until:
        points.append(Point(first, found.get(first, 0)))
        first += length
    return points


class Share(NamedTuple):
    id: int
    messages: int


def busiest_chats(
    span: Span, since: datetime, until: datetime, *, limit: int, person: int | None = None
) -> list[Share]:
    """Chats with most messages in the minutes, hours or days that begin in [`since`, `until`)."""
    return _top("chat_id", _between(span, since, until, person=person), limit)


def busiest_people(
    span: Span, since: datetime, until: datetime, *, limit: int, chat: int | None = None
) -> list[Share]:
    """Who wrote most, likewise."""
    return _top("user_id", _between(span, since, until, chat=chat), limit)


def _top(column: str, counts: QuerySet[ActivityCount], limit: int) -> list[Share]:
    sums = counts.values_list(column).annotate(total=Sum("messages")).order_by("-total", column)
    return [Share(*row) for row in sums[:limit]]


def _between(
    span: Span,
    since: datetime,
    until: datetime,
    *,
    chat: int | None = None,
    person: int | None = None,
) -> QuerySet[ActivityCount]:
    counts = ActivityCount.objects.filter(span=span, starts_at__gte=since, starts_at__lt=until)
    if chat is not None:
        counts = counts.filter(chat_id=chat)
    if person is not None:
        counts = counts.filter(user_id=person)
    return counts
