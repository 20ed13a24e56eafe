from __future__ import annotations

import logging
import threading

import pytest

from messaging.bus.circuit_breaker import BreakerState, CircuitBreaker
from messaging.errors import CircuitOpenError
from tests.support.processes import DEADLINE


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(failure_limit=3, open_seconds=5, clock=clock)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.allow()
        breaker.failed()


class TestClosed:
    def test_lets_everything_pass(self, breaker: CircuitBreaker) -> None:
        for _ in range(10):
            breaker.allow()
        assert breaker.state is BreakerState.CLOSED

    def test_stays_closed_below_the_limit(self, breaker: CircuitBreaker) -> None:
        fail(breaker, 2)
        breaker.succeeded()
        fail(breaker, 2)
        assert breaker.state is BreakerState.CLOSED

    def test_opens_at_the_limit(self, breaker: CircuitBreaker) -> None:
        fail(breaker, 3)
        assert breaker.state is BreakerState.OPEN


class TestOpen:
    def test_refuses_and_says_for_how_long(self, breaker: CircuitBreaker, clock: Clock) -> None:
        fail(breaker, 3)
        clock.now += 2
        with pytest.raises(CircuitOpenError) as caught:
            breaker.allow()
        assert caught.value.retry_after_seconds == pytest.approx(3)

    def test_lets_one_call_try_when_the_time_has_passed(
        self, breaker: CircuitBreaker, clock: Clock
    ) -> None:
        fail(breaker, 3)
        clock.now += 5
        breaker.allow()
        assert breaker.state is BreakerState.HALF_OPEN
        with pytest.raises(CircuitOpenError):
            breaker.allow()


class TestHalfOpen:
    @pytest.fixture(autouse=True)
    def _half_open(self, breaker: CircuitBreaker, clock: Clock) -> None:
        fail(breaker, 3)
        clock.now += 5
        breaker.allow()

    def test_closes_when_the_try_succeeds(self, breaker: CircuitBreaker) -> None:
        breaker.succeeded()
        breaker.allow()
        breaker.allow()
        assert breaker.state is BreakerState.CLOSED

    def test_opens_again_for_the_whole_time_when_it_fails(
        self, breaker: CircuitBreaker, clock: Clock
    ) -> None:
        breaker.failed()
        assert breaker.state is BreakerState.OPEN
        clock.now += 4.9
        with pytest.raises(CircuitOpenError):
            breaker.allow()
        clock.now += 0.1
        breaker.allow()

    def test_needs_the_full_number_of_failures_after_it_has_closed(
        self, breaker: CircuitBreaker
    ) -> None:
        breaker.succeeded()
        fail(breaker, 2)
        assert breaker.state is BreakerState.CLOSED


class TestLog:
    def test_has_one_line_for_each_change(
        self, breaker: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG, "messaging.bus.circuit_breaker"):
            fail(breaker, 3)
            for _ in range(5):
                with pytest.raises(CircuitOpenError):
                    breaker.allow()
            clock.now += 5
            breaker.allow()
            breaker.succeeded()
            breaker.succeeded()
        changes = [(vars(r)["previous"], vars(r)["breaker"], r.levelname) for r in caplog.records]
        assert changes == [
            ("closed", "open", "DEBUG"),
            ("open", "half-open", "DEBUG"),
            ("half-open", "closed", "DEBUG"),
        ]


class TestThreads:
    def test_get_one_try_between_them(self, breaker: CircuitBreaker, clock: Clock) -> None:
        fail(breaker, 3)
        clock.now += 5
        barrier = threading.Barrier(8)
        outcomes: list[str] = []

        def ask() -> None:
            barrier.wait(DEADLINE)
            try:
                breaker.allow()
                outcomes.append("allowed")
            except CircuitOpenError:
                outcomes.append("refused")

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert sorted(outcomes) == ["allowed"] + ["refused"] * 7
