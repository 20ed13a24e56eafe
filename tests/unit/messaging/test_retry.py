from __future__ import annotations

import pytest

from messaging.bus.retry import RetryPolicy, call_with_retries
from messaging.errors import ConfigurationError, RetryableError


class FakeTime:
    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def failing(error: Exception, took: float, time: FakeTime, calls: list[float]) -> object:
    def call(left: float) -> None:
        calls.append(left)
        time.now += took
        raise error

    return call


class TestRetryPolicy:
    def test_doubles_from_a_tenth_of_a_second_with_jitter(self) -> None:
        policy = RetryPolicy()
        for failures, base in ((1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8)):
            waits = {policy.wait_seconds(failures) for _ in range(200)}
            assert min(waits) >= base
            assert max(waits) <= base * 1.5
            assert len(waits) > 100

    def test_has_an_upper_limit(self) -> None:
        assert RetryPolicy().wait_seconds(10_000, longest_seconds=5) == 5


class TestCallWithRetries:
    def test_tries_five_times(self) -> None:
        time = FakeTime()
        calls: list[float] = []
        with pytest.raises(RetryableError, match="away"):
            call_with_retries(
                failing(RetryableError("away"), 0.1, time, calls),  # type: ignore[arg-type]
                policy=RetryPolicy(),
                sleep=time.sleep,
                clock=time.clock,
            )
        assert len(calls) == 5
        assert len(time.waits) == 4

    def test_ends_before_thirty_seconds_have_passed(self) -> None:
        time = FakeTime()
        calls: list[float] = []
        with pytest.raises(RetryableError):
            call_with_retries(
                failing(RetryableError("away"), 9.0, time, calls),  # type: ignore[arg-type]
                policy=RetryPolicy(),
                sleep=time.sleep,
                clock=time.clock,
            )
        assert calls[0] == 30
        assert calls[-1] > 0
        assert len(calls) == 4

    def test_gives_the_first_result(self) -> None:
        time = FakeTime()
        outcomes = iter([RetryableError("away"), "there"])

        def call(left: float) -> object:
            outcome = next(outcomes)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        assert (
            call_with_retries(call, policy=RetryPolicy(), sleep=time.sleep, clock=time.clock)
            == "there"
        )

    @pytest.mark.parametrize("error", [ConfigurationError("password"), ValueError("bug")])
    def test_does_not_repeat_what_cannot_get_better(self, error: Exception) -> None:
        time = FakeTime()
        calls: list[float] = []
        with pytest.raises(type(error)):
            call_with_retries(
                failing(error, 0.1, time, calls),  # type: ignore[arg-type]
                policy=RetryPolicy(),
                sleep=time.sleep,
                clock=time.clock,
            )
        assert len(calls) == 1
