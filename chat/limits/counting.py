"""Counts what is limited: in Redis for all processes, in this one's memory while Redis is away.

`take(Count(EDITS, user.pk))` is all that a door does. A row that is joined is decided here at once,
also on the event loop, and exchanged with the others in a thread, once a second. Whoever is faster
than a row that is a pace waits: `keep_pace`.
"""

from __future__ import annotations

import math
import threading
from asyncio import sleep
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeVar

from redis.exceptions import RedisError

from chat.errors import TooManyError
from chat.limits.background import Soon
from chat.limits.buckets import Buckets, Charge, Rate, Refusal
from chat.limits.shared import SharedBuckets, connect
from chat.limits.table import Limit
from chat.limits.words import too_many

Answer = TypeVar("Answer")


@lru_cache(maxsize=256)
def rate_of(amount: int, window_seconds: int, burst: float = 1.0) -> Rate:
    """At least one at once, however small the burst."""
    interval = window_seconds / amount
    return Rate(interval, max(window_seconds * burst, interval))


class Count(NamedTuple):
    """One of what the row is a limit of: `who` is a person's id, an address, …"""

    limit: Limit
    who: object

    @property
    def charge(self) -> Charge | None:
        """None: the limit is off."""
        amount = self.limit.amount
        if not amount:
            return None
        rate = rate_of(amount, self.limit.window_seconds, self.limit.burst)
        return Charge(f"{self.limit.name}:{self.who}", rate)


class Store(Protocol):
    def take(self, charges: Sequence[Charge]) -> Refusal | None: ...
    def wait(self, charge: Charge) -> float: ...
    def add(self, charges: Sequence[tuple[Charge, int]]) -> list[float]: ...
    def forget(self, key: str) -> None: ...
    def clear(self) -> None: ...


class Counter:
    """This process's own counts, and what all processes have together where there is a Redis."""

    def __init__(self, own: Buckets, shared: SharedBuckets | None = None) -> None:
        self.own, self.shared = own, shared
        self._let_through: dict[Charge, int] = {}
        self._lock = threading.Lock()
        self._soon = Soon("limits", self.join, self._rest)

    def take(self, counts: Sequence[Count]) -> None:
        """One of each, or nothing of any. Raises TooManyError."""
        limited = [(count, charge) for count in counts if (charge := count.charge)]
        charges = [charge for _, charge in limited]
        if charges and (refusal := self._ask(lambda store: store.take(charges))):
            raise too_many(limited[refusal.place][0].limit, refusal.seconds)

    def take_here(self, count: Count) -> None:
        """Of a row that is joined: decided by this process's own count. Raises TooManyError."""
        charge = count.charge
        if charge is None:
            return
        if seconds := self.own.take_one(charge):
            raise too_many(count.limit, seconds)
        if self.shared is not None:
            with self._lock:
                self._let_through[charge] = self._let_through.get(charge, 0) + 1
            self._soon.ask()

    def wait(self, count: Count) -> float:
        """Seconds until one more fits; takes nothing."""
        charge = count.charge
        return self._ask(lambda store: store.wait(charge)) if charge else 0.0

    def add(self, count: Count, number: int) -> None:
        """Whether it fits or not; a number below 0 gives back."""
        if charge := count.charge:
            self._ask(lambda store: store.add([(charge, number)]))

    def forget(self, count: Count) -> None:
        if charge := count.charge:
            self._ask(lambda store: store.forget(charge.key))

    def join(self) -> None:
        """Tells the others what was let through here, and hears of theirs. Raises RedisError."""
        with self._lock:
            told, self._let_through = list(self._let_through.items()), {}
        if not told or self.shared is None or self.shared.is_resting:
            return
        for (charge, _), ahead in zip(told, self.shared.add(told), strict=True):
            self.own.raise_to(charge.key, ahead)

    def clear(self) -> None:
        """As if nobody had done anything yet."""
        with self._lock:
            self._let_through.clear()
        self.own.clear()
        self._ask(lambda store: store.clear())

    def close(self) -> None:
        self._soon.close()
        if self.shared is not None:
            self.shared.close()

    def _ask(self, question: Callable[[Store], Answer]) -> Answer:
        if self.shared is not None and not self.shared.is_resting:
            try:
                return question(self.shared)
            except RedisError as error:
                self._rest(error)
        return question(self.own)

    def _rest(self, error: RedisError) -> None:
        assert self.shared is not None
        self.shared.rest(error)


_counter: Counter | None = None
_making = threading.Lock()


def counter() -> Counter:
    """This process's; made when it is first asked for."""
    global _counter
    if _counter is not None:
        return _counter
    with _making:
        if _counter is None:
            redis = connect()
            _counter = Counter(Buckets(), SharedBuckets(redis) if redis else None)
        return _counter


def use_counter(made: Counter | None) -> Counter | None:
    """In the place of this process's; returns what was there. For tests."""
    global _counter
    before, _counter = _counter, made
    return before


def take(*counts: Count) -> None:
    """One of each, or nothing of any. Raises TooManyError, which says when to come back."""
    if len(counts) == 1 and counts[0].limit.is_joined:
        counter().take_here(counts[0])
    else:
        counter().take(counts)


async def keep_pace(count: Count, *, max_seconds: float = math.inf) -> bool:
    """One of a row that is a pace: waits until it fits, or for so long; then it answers False."""
    charge = count.charge
    while charge and (seconds := counter().own.take_one(charge)):
        await sleep(min(seconds, max_seconds))
        if seconds > max_seconds:
            return False
        max_seconds -= seconds
    return True


async def take_in_turn(count: Count, *, max_seconds: float) -> None:
    """Of a row that is joined: waits until it fits. Raises TooManyError, as `take`, when that is
    further off."""
    while True:
        try:
            take(count)
        except TooManyError as error:
            if error.retry_after is None or error.retry_after > max_seconds:
                raise
            max_seconds -= error.retry_after
            await sleep(error.retry_after)
        else:
            return


def slow_down(count: Count, number: int) -> None:
    """Of a row that is a pace: as if there had been so many more, also when that is too many."""
    if charge := count.charge:
        counter().own.owe(charge, number)


def seconds_to_wait(count: Count) -> float:
    """Until one more fits; takes nothing."""
    return counter().wait(count)


def add(count: Count) -> None:
    """Counts one, also where it is one too many."""
    counter().add(count, 1)


def give_back(count: Count) -> None:
    counter().add(count, -1)


def forget(count: Count) -> None:
    counter().forget(count)
