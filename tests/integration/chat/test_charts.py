"""How things stood, minute by minute: written down once, drawn, as a table and as a file."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat.models import MinuteFigures, WebProcess
from chat.services.figures import posted_between, record_minute, worst_lag
from chat.staff.charts import HEIGHT, KINDS, SPANS, WIDTH, draw_charts, span_named
from messaging.models import DeadLetter, OutboxEvent
from messaging.operating.processes import ConsumerFigures, Unattended
from tests.support.people import browser_of, make_group, make_person, post_text
from tests.support.staff import make_row, staff_of, staff_with

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 25, 12, 30, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MESSAGES, OUTBOX = KINDS[0], KINDS[2]


def note(at: datetime, **figures: Any) -> None:
    given = {
        "messages": 0,
        "people": 0,
        "outbox_waiting": 0,
        "outbox_oldest_seconds": 0.0,
        "dead_letters": 0,
    }
    MinuteFigures.objects.create(at=at, **given | figures)


def values(span: str, kind: Any = MESSAGES, now: datetime = NOW) -> list[float | None]:
    (chart,) = draw_charts([kind], SPANS[span], now)
    return [point.value for point in chart.points]


class TestAMinute:
    def test_is_written_down_once_however_many_processes_do(self):
        make_row(DeadLetter)
        for people in (40, 2):
            row = make_row(WebProcess)
            WebProcess.objects.filter(pk=row.pk).update(people=people)
        now = timezone.now()
        record_minute(now)
        make_row(DeadLetter)
        record_minute(now)
        found = MinuteFigures.objects.get()
        assert found.at == now.replace(second=0, microsecond=0)
        assert (found.people, found.dead_letters, found.outbox_waiting) == (42, 1, 0)

    def test_counts_the_messages_that_were_posted_in_it(self):
        ann = make_person("ann")
        chat = make_group(ann)
        for number in range(4):
            post_text(chat, ann, f"message {number}")
        created = OutboxEvent.objects.filter(event_type="message.created").order_by("pk")
        for event, seconds in zip(created, (-1, 0, 59, 60), strict=True):
            created.filter(pk=event.pk).update(created_at=NOW + timedelta(seconds=seconds))
        OutboxEvent.objects.exclude(event_type="message.created").update(created_at=NOW - MINUTE)
        assert posted_between(NOW, NOW + MINUTE) == 2

    def test_has_the_lag_of_the_group_that_is_furthest_behind(self):
        consumers = [
            ConsumerFigures("h", 1, "1", 0.0, 0.0, "a", 1, [], 3, lag) for lag in (1.5, None)
        ]
        gone = Unattended("b", None, "", False, 5, 90.0)
        assert worst_lag(consumers, []) == 1.5
        assert worst_lag(consumers, [gone]) == 90.0
        assert worst_lag([], []) is None


class TestChart:
    def test_has_a_point_for_each_minute_of_an_hour_up_to_now(self):
        end = NOW.replace(second=0)
        for ago, messages in ((0, 5), (1, 3), (59, 7), (60, 100)):
            note(end - ago * MINUTE, messages=messages)
        found = values("1h")
        assert len(found) == 60
        assert (found[-1], found[-2], found[0]) == (5, 3, 7)
        assert found[1:-2] == [None] * 57

    @pytest.mark.parametrize(("span", "points"), [("24h", 96), ("7d", 84), ("30d", 90)])
    def test_joins_minutes_of_longer_spans(self, span, points):
        """The mean of messages; of everything else the worst."""
        end = NOW.replace(minute=25, second=0)
        for ago, messages in ((0, 10), (1, 20)):
            note(end - ago * MINUTE, messages=messages, outbox_waiting=messages)
        assert len(values(span)) == points
        assert values(span)[-1] == 15
        assert values(span, OUTBOX)[-1] == 20

    def test_is_a_line_with_a_gap_where_nothing_is_known(self):
        end = NOW.replace(second=0)
        for ago, messages in ((0, 10), (1, 5), (59, 0)):
            note(end - ago * MINUTE, messages=messages)
        (chart,) = draw_charts([MESSAGES], SPANS["1h"], NOW)
        assert chart.top == 10
        first, second = re.findall(r"M[^M]*", chart.path)
        assert first == f"M0.0 {HEIGHT:.1f}h0"
        assert re.fullmatch(rf"M[\d.]+ {HEIGHT / 2:.1f}h0L{WIDTH:.1f} 0\.0", second)

    @pytest.mark.parametrize(
        ("highest", "top"), [(0, 1), (1, 1), (3, 5), (10, 10), (11, 20), (999, 1000)]
    )
    def test_ends_above_the_highest_value(self, highest, top):
        note(NOW.replace(second=0), messages=highest)
        (chart,) = draw_charts([MESSAGES], SPANS["1h"], NOW)
        assert chart.top == top

    def test_are_none_before_anything_is_known(self):
        assert draw_charts(KINDS, SPANS["1h"], NOW) == []

    @pytest.mark.parametrize("name", ["", "2h", None, "<script>"])
    def test_of_an_unknown_span_is_that_of_an_hour(self, name):
        assert span_named(name) is SPANS["1h"]


class TestFirstPage:
    @pytest.fixture(autouse=True)
    def figures(self):
        minute = timezone.now().replace(second=0, microsecond=0)
        note(minute, messages=7, outbox_waiting=3)
        note(minute - MINUTE, messages=9, outbox_waiting=400)

    def test_shows_each_chart_with_its_table(self):
        shown = browser_of(staff_of("Operators")).get("/admin/").content.decode()
        assert shown.count('<figure class="chart">') == len(KINDS)
        assert "now 7, at most 9" in shown
        assert "now 3, at most 400" in shown
        assert "<td>400</td>" in shown

    @pytest.mark.parametrize("span", SPANS)
    def test_shows_every_span(self, span):
        shown = browser_of(staff_of("Operators")).get(f"/admin/?span={span}").content.decode()
        assert f'<a href="?span={span}" aria-current="true">' in shown

    def test_shows_moderators_what_is_their_business(self):
        browser = browser_of(staff_of("Moderators"))
        shown = browser.get("/admin/").content.decode()
        assert shown.count('<figure class="chart">') == 2
        head = browser.get("/admin/charts.csv").content.decode("utf-8-sig").splitlines()[0]
        assert head == '"at","messages","people"'

    def test_shows_nobody_what_they_may_not_see(self):
        browser = browser_of(staff_with("chat.view_report"))
        assert '<figure class="chart">' not in browser.get("/admin/").content.decode()
        assert browser.get("/admin/charts.csv").status_code == 403

    def test_gives_the_charts_as_a_file(self):
        answer = browser_of(staff_of("Operators")).get("/admin/charts.csv?span=1h")
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        head, *rows = csv.reader(answer.content.decode("utf-8-sig").splitlines())
        assert head == ["at", *(kind.field for kind in KINDS)]
        assert len(rows) == 60
        assert {row[1] for row in rows} >= {"7", "9"}

    def test_is_for_staff_alone(self):
        answer = browser_of(make_person("ann")).get("/admin/charts.csv", follow=True)
        assert answer.status_code == 403
