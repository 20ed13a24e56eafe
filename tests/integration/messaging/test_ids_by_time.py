"""Rows are found by their time although only their ids are indexed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from messaging.models import OutboxEvent
from messaging.operating.ids_by_time import first_id_since

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make(count: int) -> list[int]:
    """One a minute, with holes between the ids."""
    for minute in range(count):
        OutboxEvent.objects.create(
            pk=1000 + 7 * minute,
            topic="t",
            key="1",
            event_type="a.b",
            payload="{}",
            created_at=NOON + timedelta(minutes=minute),
        )
    return [1000 + 7 * minute for minute in range(count)]


class TestFirstIdSince:
    @pytest.mark.parametrize("minute", range(20))
    @pytest.mark.parametrize("earlier", [timedelta(0), timedelta(seconds=1)])
    def test_parts_the_rows_that_are_as_young_from_the_older_ones(self, minute, earlier):
        ids = make(20)
        moment = NOON + timedelta(minutes=minute) - earlier
        found = first_id_since(OutboxEvent, "created_at", moment)
        younger = OutboxEvent.objects.filter(pk__gte=found).order_by("pk")
        assert list(younger.values_list("pk", flat=True)) == ids[minute:]

    def test_is_behind_the_last_one_where_none_is(self):
        ids = make(3)
        assert first_id_since(OutboxEvent, "created_at", NOON + timedelta(days=1)) == ids[-1] + 1

    def test_of_an_empty_table_is_before_all_that_will_come(self):
        assert first_id_since(OutboxEvent, "created_at", NOON) <= 1

    def test_needs_one_query_however_large_the_table(self, django_assert_num_queries):
        make(100)
        with django_assert_num_queries(1):
            first_id_since(OutboxEvent, "created_at", NOON + timedelta(minutes=37))
