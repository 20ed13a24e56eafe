"""An outage is two lines, however often something fails in it."""

from __future__ import annotations

import pytest

from messaging.outages import Outage


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(clock) -> Outage:
    return Outage("The well", calm_seconds=5, clock=clock)


class TestOutage:
    def test_is_one_line_when_it_begins_and_one_when_it_is_over(self, outage, clock, caplog):
        for _ in range(24):
            outage.failed("it is dry")
            clock.now += 0.5
        assert [record.message for record in caplog.records] == ["The well is away: it is dry"]
        clock.now += 5
        outage.worked()
        outage.worked()
        _, over = caplog.records
        assert over.message == "The well is back"
        assert (over.away_seconds, over.failures) == (11.5, 24)

    def test_goes_on_while_something_works_between_the_failures(self, outage, clock, caplog):
        for _ in range(10):
            outage.failed("it is dry")
            clock.now += 4
            outage.worked()
        assert outage.is_going_on
        assert len(caplog.records) == 1

    def test_is_over_with_what_works_and_not_by_itself(self, outage, clock):
        outage.failed("it is dry")
        clock.now += 3600
        assert outage.is_going_on
        outage.worked()
        assert not outage.is_going_on

    def test_begins_anew_after_it_was_over(self, outage, clock, caplog):
        for _ in range(2):
            outage.failed("it is dry")
            clock.now += 5
            outage.worked()
        assert [record.message for record in caplog.records] == [
            "The well is away: it is dry",
            "The well is back",
        ] * 2

    def test_tells_why_for_as_long_as_it_is_asked_for(self, outage, clock):
        assert outage.why_lately(3) == ""
        outage.failed("it is dry")
        clock.now += 3
        assert outage.why_lately(3) == "it is dry"
        clock.now += 1
        assert outage.why_lately(3) == ""

    def test_says_nothing_of_what_works_all_the_time(self, outage, caplog):
        outage.worked()
        assert caplog.records == []
