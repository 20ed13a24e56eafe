"""Counts of messages: each once, by the event's own moment, and their charts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from chat.handlers.activity import count_messages
from chat.models import ActivityCount, ActivityShadow
from chat.reads import activity
from chat.reads.activity import Point, Share, Span, busiest_chats, busiest_people, series, start_of
from messaging.contract.events import Event

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def event(chat: int, person: int, moment: datetime = NOON, action: str = "created") -> Event:
    payload = {
        "messageId": "1",
        "chatId": str(chat),
        "senderId": str(person),
        "content": "Hello",
        "timestamp": moment.isoformat(),
        "action": action,
    }
    return Event(uuid4(), f"message.{action}", "chat-messages", str(chat), 1, payload, NOON)


def counted(span: Span, rows=ActivityCount) -> list[tuple[datetime, int, int, int]]:
    found = rows.objects.filter(span=span).order_by("starts_at", "chat_id", "user_id")
    return list(found.values_list("starts_at", "chat_id", "user_id", "messages"))


class TestCountMessages:
    def test_counts_by_minute_hour_and_day_chat_and_person(self):
        late = NOON + timedelta(minutes=59, seconds=59, microseconds=999_999)
        count_messages([event(1, 1), event(1, 1, late), event(1, 2), event(2, 1)])
        assert counted(Span.MINUTE) == [
            (NOON, 1, 1, 1),
            (NOON, 1, 2, 1),
            (NOON, 2, 1, 1),
            (NOON + 59 * MINUTE, 1, 1, 1),
        ]
        assert counted(Span.HOUR) == [(NOON, 1, 1, 2), (NOON, 1, 2, 1), (NOON, 2, 1, 1)]
        assert [row[1:] for row in counted(Span.DAY)] == [(1, 1, 2), (1, 2, 1), (2, 1, 1)]

    def test_adds_to_what_was_counted_before(self):
        for _ in range(3):
            count_messages([event(1, 1), event(1, 1)])
        assert counted(Span.MINUTE) == [(NOON, 1, 1, 6)]

    def test_counts_neither_edits_nor_deletions(self):
        count_messages([event(1, 1, action=action) for action in ("edited", "deleted")])
        assert not ActivityCount.objects.exists()

    def test_takes_a_moment_of_any_zone_to_its_minute_in_utc(self):
        east = event(1, 1)
        given = dict(east.payload) | {"timestamp": "2026-11-24T01:30:15.5+13:30"}
        count_messages([Event(uuid4(), "message.created", "chat-messages", "1", 1, given, NOON)])
        assert counted(Span.MINUTE) == [(NOON, 1, 1, 1)]

    def test_counts_into_the_table_that_it_is_given(self):
        count_messages([event(1, 1)], into=ActivityShadow)
        assert not ActivityCount.objects.exists()
        assert counted(Span.DAY, ActivityShadow) == [(NOON - NOON.hour * HOUR, 1, 1, 1)]

    def test_writes_one_statement_however_many_there_are(self, django_assert_num_queries):
        events = [event(n % 10, n % 7, NOON + n * MINUTE) for n in range(500)]
        with django_assert_num_queries(1):
            count_messages(events)


class TestSeries:
    def test_has_a_point_also_where_nothing_was_written(self):
        count_messages([event(1, 1), event(1, 2), event(2, 1, NOON + 2 * MINUTE)])
        assert series(Span.MINUTE, NOON, NOON + 4 * MINUTE) == [
            Point(NOON, 2),
            Point(NOON + MINUTE, 0),
            Point(NOON + 2 * MINUTE, 1),
            Point(NOON + 3 * MINUTE, 0),
        ]

    def test_is_of_one_chat_or_one_person_when_asked(self):
        count_messages([event(1, 1), event(1, 2), event(2, 1), event(2, 1)])
        day = (Span.DAY, NOON - DAY, NOON)
        assert [point.messages for point in series(*day, chat=2)] == [2]
        assert [point.messages for point in series(*day, person=1)] == [3]
        assert [point.messages for point in series(*day, chat=1, person=1)] == [1]
        assert [point.messages for point in series(*day, chat=3)] == [0]

    def test_begins_with_the_first_whole_span(self):
        points = series(Span.HOUR, NOON + MINUTE, NOON + 2 * HOUR)
        assert [point.starts_at for point in points] == [NOON + HOUR]

    def test_refuses_more_points_than_a_chart_can_show(self, monkeypatch):
        monkeypatch.setattr(activity, "MAX_POINTS", 3)
        assert len(series(Span.DAY, NOON, NOON + 3 * DAY)) == 3
        with pytest.raises(ValueError, match="More than 3 points"):
            series(Span.MINUTE, NOON, NOON + 4 * MINUTE)


class TestBusiest:
    def test_names_the_chats_and_people_with_most_messages_first(self):
        count_messages([event(1, 1), event(2, 1), event(2, 1), event(2, 3), event(3, 2)])
        hour = (Span.HOUR, NOON, NOON + HOUR)
        assert busiest_chats(*hour, limit=2) == [Share(2, 3), Share(1, 1)]
        assert busiest_people(*hour, limit=1) == [Share(1, 3)]
        assert busiest_people(*hour, limit=5, chat=2) == [Share(1, 2), Share(3, 1)]
        assert busiest_chats(*hour, limit=5, person=3) == [Share(2, 1)]
        assert busiest_chats(Span.HOUR, NOON + HOUR, NOON + DAY, limit=5) == []


@pytest.mark.parametrize("span", list(Span))
def test_a_span_begins_at_or_before_its_moment_and_ends_after_it(span: Span):
    for moment in (
        NOON,
        NOON - timedelta(microseconds=1),
        datetime(1969, 12, 31, 23, 59, tzinfo=UTC),
    ):
        start = start_of(span, moment)
        assert start <= moment < start + activity.LENGTHS[span]
