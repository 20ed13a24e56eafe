"""An outage is two lines, however often something fails in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from messaging.outages import Outage


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Later:
    """Calls what was to be called later, when its time has come."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls: list[tuple[float, Callable[[], object]]] = []

    def __call__(self, seconds: float, call: Callable[[], object]) -> None:
        self.calls.append((self.clock.now + seconds, call))

    def pass_seconds(self, seconds: float) -> None:
        self.clock.now += seconds
        due = [call for at, call in self.calls if at <= self.clock.now]
        self.calls = [(at, call) for at, call in self.calls if at > self.clock.now]
        for call in due:
            call()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def later(clock) -> Later:
    return Later(clock)


@pytest.fixture
def outage(clock, later) -> Outage:
    return Outage("The well", calm_seconds=5, clock=clock, later=later)


class TestOutage:
    def test_is_one_line_when_it_begins_and_one_when_it_is_over(self, outage, clock, caplog):
        for _ in range(24):
            outage.failed("it is dry")
            clock.now += 0.5
        assert said(caplog) == ["The well is unavailable: it is dry"]
        clock.now += 5
        outage.worked()
        outage.worked()
        _, over = caplog.records
        assert over.message == "The well is available again"
        assert (over.unavailable_seconds, over.failures) == (11.5, 24)

    def test_goes_on_while_something_works_between_the_failures(self, outage, clock, later, caplog):
        for _ in range(10):
            outage.failed("it is dry")
            later.pass_seconds(4)
            outage.worked()
        assert outage.is_going_on
        assert len(caplog.records) == 1

    def test_is_over_when_it_has_stayed_calm_though_nobody_comes_any_more(
        self, outage, later, caplog
    ):
        outage.failed("it is dry")
        outage.worked()
        outage.worked()
        assert len(later.calls) == 1
        later.pass_seconds(4.9)
        assert outage.is_going_on
        later.pass_seconds(0.2)
        assert said(caplog)[1:] == ["The well is available again"]

    def test_is_over_with_what_works_and_not_by_itself(self, outage, later):
        outage.failed("it is dry")
        later.pass_seconds(3600)
        assert outage.is_going_on
        outage.worked()
        assert not outage.is_going_on

    def test_begins_anew_after_it_was_over(self, outage, clock, caplog):
        for _ in range(2):
            outage.failed("it is dry")
            clock.now += 5
            outage.worked()
        assert (
            said(caplog)
            == [
                "The well is unavailable: it is dry",
                "The well is available again",
            ]
            * 2
        )

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


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records]
