from __future__ import annotations

import pytest

from chat.errors import TooManyError
from chat.limits.buckets import MAX_OWED_SECONDS, Bucket, Buckets, Charge, Rate
from tests.support.people import Clock


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


def charge(key: str, *, amount: int = 2, seconds: float = 60) -> Charge:
    return Charge(key, Rate(seconds / amount, seconds))


def taken(buckets: Buckets, key: str, *, tries: int, amount: int = 2) -> int:
    return sum(buckets.take([charge(key, amount=amount)]) is None for _ in range(tries))


class TestBuckets:
    def test_count_each_key_alone(self, clock):
        buckets = Buckets(clock)
        assert [taken(buckets, key, tries=5) for key in ("ann", "bob")] == [2, 2]

    def test_let_a_minutes_amount_through_each_minute(self, clock):
        buckets = Buckets(clock)
        for _ in range(3):
            assert taken(buckets, "ann", tries=200, amount=120) == 120
            clock.move(60)

    def test_say_when_the_next_one_fits(self, clock):
        buckets = Buckets(clock)
        taken(buckets, "ann", tries=120, amount=120)
        refusal = buckets.take([charge("ann", amount=120)])
        assert refusal == (0, 0.5)
        clock.move(0.5)
        assert buckets.take([charge("ann", amount=120)]) is None

    def test_take_from_all_or_from_none(self, clock):
        buckets = Buckets(clock)
        taken(buckets, "full", tries=2)
        refusal = buckets.take([charge("ann"), charge("full")])
        assert refusal
        assert refusal.place == 1
        assert taken(buckets, "ann", tries=5) == 2

    def test_give_back(self, clock):
        buckets = Buckets(clock)
        taken(buckets, "ann", tries=2)
        buckets.add([(charge("ann"), -1)])
        assert taken(buckets, "ann", tries=5) == 1
        buckets.add([(charge("ann"), -100)])
        assert taken(buckets, "ann", tries=5) == 2

    def test_of_a_flood_that_came_past_them_are_over_a_window_later(self, clock):
        buckets = Buckets(clock)
        buckets.add([(charge("ann"), 1000)])
        assert buckets.wait(charge("ann")) == 30
        clock.move(60)
        assert taken(buckets, "ann", tries=5) == 2

    def test_keep_what_is_owed_for_some_minutes_at_most(self, clock):
        buckets = Buckets(clock)
        buckets.owe(charge("ann"), 4)
        assert buckets.wait(charge("ann")) == 90
        clock.move(90)
        assert taken(buckets, "ann", tries=5) == 1
        buckets.owe(charge("ann"), 1000)
        clock.move(MAX_OWED_SECONDS)
        assert taken(buckets, "ann", tries=5) == 2

    def test_hear_of_what_others_took(self, clock):
        buckets = Buckets(clock)
        buckets.raise_to("ann", 45)
        assert taken(buckets, "ann", tries=5) == 0
        buckets.raise_to("ann", 1)
        clock.move(15)
        assert taken(buckets, "ann", tries=5) == 1

    def test_do_not_grow_with_those_who_come(self, clock):
        """However many they are; who has used most is kept."""
        buckets = Buckets(clock)
        taken(buckets, "ann", tries=2)
        for number in range(100_000):
            buckets.add([(charge(str(number)), 1)])
        assert len(buckets) <= Buckets.MAX_KEPT
        assert taken(buckets, "ann", tries=1) == 0

    def test_forget_first_those_that_have_rested(self, clock, monkeypatch):
        monkeypatch.setattr(Buckets, "MAX_KEPT", 4)
        buckets = Buckets(clock)
        for key in ("a", "b", "c", "d"):
            taken(buckets, key, tries=1)
        clock.move(31)
        taken(buckets, "e", tries=1)
        assert len(buckets) == 1
