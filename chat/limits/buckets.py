"""Buckets in this process's memory: each lets its amount through at once, and fills up steadily.

Of a bucket only the moment is kept at which it is full again (as in GCRA): one number, which other
processes can add to. Knows no rows and no Redis.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from chat.errors import TooManyError

Clock = Callable[[], float]

# Sums of fractions miss a whole number by less than this.
TOLERANCE_SECONDS: Final = 1e-6
# Whatever somebody does, it is forgotten after so long.
MAX_OWED_SECONDS: Final = 300.0


class Rate(NamedTuple):
    """One costs `interval` seconds; a full bucket has `capacity` seconds to give."""

    interval: float
    capacity: float


class Charge(NamedTuple):
    key: str
    rate: Rate


class Refusal(NamedTuple):
    """Which of the charges did not fit, and how many seconds until it does."""

    place: int
    seconds: float


def seconds_to_wait(ahead: float, rate: Rate) -> float:
    """Until one more fits into a bucket that is full again in `ahead` seconds; 0: it fits.

    Rounded up: who comes back then is let in.
    """
    wait = ahead + rate.interval - rate.capacity
    return math.ceil(round(100 * wait, 4)) / 100 if wait > TOLERANCE_SECONDS else 0.0


class Bucket:
    """A single one: `per_second` a second on average, `burst` at once; 0 a second is no limit."""

    __slots__ = ("_clock", "_full_at", "_rate")

    def __init__(self, *, per_second: float, burst: float, clock: Clock = time.monotonic) -> None:
        self._rate = Rate(1 / per_second, burst / per_second) if per_second else None
        self._clock = clock
        self._full_at = clock()

    def take(self) -> None:
        """Raises TooManyError, with the seconds until the next one fits."""
        if self._rate is None:
            return
        now = self._clock()
        ahead = max(0.0, self._full_at - now)
        if seconds := seconds_to_wait(ahead, self._rate):
            raise TooManyError(retry_after=seconds)
        self._full_at = now + ahead + self._rate.interval


class Buckets:
    """Many by key, for all threads of the process. Bounded: above MAX_KEPT the emptiest stay."""

    MAX_KEPT = 20_000

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, charges: Sequence[Charge]) -> Refusal | None:
        """Takes one of each, or nothing of any."""
        with self._lock:
            now = self._clock()
            for place, charge in enumerate(charges):
                if seconds := seconds_to_wait(self._ahead(charge.key, now), charge.rate):
                    return Refusal(place, seconds)
            for charge in charges:
                self._add(charge, 1, now)
        return None

    def take_one(self, charge: Charge) -> float:
        """0, or the seconds until it fits. As `take`, for the many times that it is only one."""
        key, rate = charge
        with self._lock:
            now = self._clock()
            full_at = self._full_at.get(key)
            if full_at is None:
                self._add(charge, 1, now)
            elif full_at <= now:
                self._full_at[key] = now + rate.interval
            elif full_at - now + rate.interval - rate.capacity <= TOLERANCE_SECONDS:
                self._full_at[key] = full_at + rate.interval
            else:
                return seconds_to_wait(full_at - now, rate)
        return 0.0

    def wait(self, charge: Charge) -> float:
        """Seconds until one more fits; takes nothing."""
        with self._lock:
            return seconds_to_wait(self._ahead(charge.key, self._clock()), charge.rate)

    def add(self, charges: Sequence[tuple[Charge, int]]) -> list[float]:
        """Takes, or gives back, so many whether they fit or not; how far ahead each is then."""
        with self._lock:
            now = self._clock()
            return [self._add(charge, count, now) for charge, count in charges]

    def owe(self, charge: Charge, count: int) -> None:
        """Takes so many, also from what is only there later."""
        with self._lock:
            now = self._clock()
            ahead = self._ahead(charge.key, now) + count * charge.rate.interval
            self._set(charge.key, min(ahead, MAX_OWED_SECONDS), now)

    def raise_to(self, key: str, ahead: float) -> None:
        """Others have taken, too: it is full again in `ahead` seconds, or later."""
        with self._lock:
            now = self._clock()
            if now + ahead > self._full_at.get(key, now):
                self._full_at[key] = now + ahead

    def forget(self, key: str) -> None:
        with self._lock:
            self._full_at.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._full_at.clear()

    def _ahead(self, key: str, now: float) -> float:
        return max(0.0, self._full_at.get(key, now) - now)

    def _add(self, charge: Charge, count: int, now: float) -> float:
        ahead = self._ahead(charge.key, now) + count * charge.rate.interval
        # Never emptier than empty: a flood that came past it is over a window later.
        ahead = min(max(ahead, 0.0), charge.rate.capacity)
        self._set(charge.key, ahead, now)
        return ahead

    def _set(self, key: str, ahead: float, now: float) -> None:
        if key not in self._full_at and len(self._full_at) >= self.MAX_KEPT:
            self._make_room(now)
        self._full_at[key] = now + ahead

    def _make_room(self, now: float) -> None:
        """Forgets those that are full; if that is not half of them, those that soonest will be."""
        by_time = sorted(self._full_at, key=self._full_at.__getitem__, reverse=True)
        kept = by_time[: self.MAX_KEPT // 2]
        self._full_at = {key: at for key in kept if (at := self._full_at[key]) > now}
