"""Ids of events stand in every index in the order of time."""

from __future__ import annotations

import time
from uuid import RFC_4122

import pytest

from messaging.outbox.event_ids import new_event_id
from messaging.outbox.recording import NewEvent

NOON = 1_764_590_400_000  # milliseconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A millisecond passes with each look."""
    moments = (NOON * 1_000_000 + number * 1_000_000 for number in range(10_000))
    monkeypatch.setattr(time, "time_ns", lambda: next(moments))


class TestNewEventId:
    def test_comes_after_all_that_were_made_before(self, clock):
        ids = [NewEvent("t", "1", "a.b", {}).event_id for _ in range(1000)]
        assert ids == sorted(ids)

    def test_begins_with_the_time(self, clock):
        assert new_event_id().int >> 80 == NOON

    def test_is_a_uuid_like_others(self):
        found = new_event_id()
        assert (found.version, found.variant) == (7, RFC_4122)

    def test_is_never_another_ones(self, monkeypatch):
        monkeypatch.setattr(time, "time_ns", lambda: NOON * 1_000_000)
        assert len({new_event_id() for _ in range(10_000)}) == 10_000
