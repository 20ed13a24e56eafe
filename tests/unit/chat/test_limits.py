from __future__ import annotations

import pytest

from chat.errors import TooManyError
from chat.limits import Bucket, MessageLimit


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def taken_from(bucket, *, tries: int) -> int:
    """How many of the tries the bucket takes."""
    taken = 0
    for _ in range(tries):
        try:
            bucket.take()
        except TooManyError:
            continue
        taken += 1
    return taken


class TestBucket:
    def test_takes_a_burst_at_once_and_no_more(self, clock):
        bucket = Bucket(per_second=30, burst=60, clock=clock)
        assert taken_from(bucket, tries=100) == 60

    def test_takes_its_rate_afterwards(self, clock):
        bucket = Bucket(per_second=30, burst=60, clock=clock)
        taken_from(bucket, tries=60)
        clock.move(1)
        assert taken_from(bucket, tries=100) == 30

    def test_saves_up_a_burst_at_most(self, clock):
        bucket = Bucket(per_second=30, burst=60, clock=clock)
        taken_from(bucket, tries=60)
        clock.move(3600)
        assert taken_from(bucket, tries=1000) == 60

    def test_says_when_the_next_one_fits(self, clock):
        bucket = Bucket(per_second=0.5, burst=1, clock=clock)
        bucket.take()
        clock.move(0.5)
        with pytest.raises(TooManyError) as caught:
            bucket.take()
        assert caught.value.retry_after == 1.5
        clock.move(1.5)
        bucket.take()

    def test_never_says_to_come_back_at_once(self, clock):
        bucket = Bucket(per_second=300, burst=1, clock=clock)
        bucket.take()
        clock.move(0.0033)
        with pytest.raises(TooManyError) as caught:
            bucket.take()
        assert caught.value.retry_after

    def test_that_refuses_takes_nothing(self, clock):
        bucket = Bucket(per_second=1, burst=1, clock=clock)
        taken_from(bucket, tries=50)
        clock.move(1)
        bucket.take()

    def test_of_zero_takes_everything(self, clock):
        bucket = Bucket(per_second=0, burst=0, clock=clock)
        assert taken_from(bucket, tries=10_000) == 10_000

    def test_is_full_when_it_has_rested(self, clock):
        bucket = Bucket(per_second=1, burst=2, clock=clock)
        assert bucket.is_full
        bucket.take()
        assert not bucket.is_full
        clock.move(1)
        assert bucket.is_full


class TestMessageLimit:
    def test_counts_each_person_alone(self, clock, settings):
        settings.LIMIT_MESSAGES_PER_MINUTE = 2
        limit = MessageLimit(clock=clock)
        for person in (1, 1, 2, 2):
            limit.take(person)
        for person in (1, 2):
            with pytest.raises(TooManyError):
                limit.take(person)

    def test_lets_a_minutes_messages_through_each_minute(self, clock, settings):
        settings.LIMIT_MESSAGES_PER_MINUTE = 120
        limit = MessageLimit(clock=clock)
        for _ in range(120):
            limit.take(1)
        with pytest.raises(TooManyError) as caught:
            limit.take(1)
        assert caught.value.retry_after == 0.5
        clock.move(60)
        for _ in range(120):
            limit.take(1)

    def test_of_zero_is_none(self, clock, settings):
        settings.LIMIT_MESSAGES_PER_MINUTE = 0
        limit = MessageLimit(clock=clock)
        for _ in range(1000):
            limit.take(1)

    def test_forgets_those_who_have_rested_and_nobody_else(self, clock, settings, monkeypatch):
        monkeypatch.setattr(MessageLimit, "MOST_BUCKETS", 3)
        settings.LIMIT_MESSAGES_PER_MINUTE = 1
        limit = MessageLimit(clock=clock)
        for person in (1, 2, 3):
            limit.take(person)
        clock.move(59)
        limit.take(4)
        with pytest.raises(TooManyError):
            limit.take(1)
        clock.move(2)
        limit.take(5)
        limit.take(1)
        with pytest.raises(TooManyError):
            limit.take(4)
