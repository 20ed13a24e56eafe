"""How many messages were written, by chat and person, a minute, an hour and a day: for the charts.

All times are in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import QuerySet, Sum

from chat.models import ActivityCount
from chat.models.activity import ActivityBase

Span = ActivityBase.Span
LENGTHS = {
    Span.MINUTE: timedelta(minutes=1),
    Span.HOUR: timedelta(hours=1),
    Span.DAY: timedelta(days=1),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A chart with more points than that is a mistake of the one who asks.
MAX_POINTS = 10_000


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
    was written. Raises ValueError for more than MAX_POINTS."""
    length, first = LENGTHS[span], start_of(span, since)
    if first < since:
        first += length
    if (until - first) / length > MAX_POINTS:
        raise ValueError(
            f"More than {MAX_POINTS} points: choose a longer span or a shorter period."
        )
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
