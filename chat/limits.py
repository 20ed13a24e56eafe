"""How much one socket and one person may do; a token bucket each."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from django.conf import settings

from chat.errors import TooManyError

Clock = Callable[[], float]


class Bucket:
    """Takes `per_second` a second on average and `burst` at once; 0 a second takes everything."""

    __slots__ = ("_burst", "_clock", "_level", "_per_second", "_updated_at")

    def __init__(self, *, per_second: float, burst: float, clock: Clock = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._level = burst
        self._clock = clock
        self._updated_at = clock()

    def take(self) -> None:
        """Raises TooManyError, with the seconds until the next one fits."""
        if not self._per_second:
            return
        now = self._clock()
        gained = (now - self._updated_at) * self._per_second
        self._level = min(self._burst, self._level + gained)
        self._updated_at = now
        if self._level < 1:
            # Rounded up: who comes back then is let in.
            seconds = math.ceil(100 * (1 - self._level) / self._per_second) / 100
            raise TooManyError(retry_after=seconds)
        self._level -= 1

    @property
    def is_full(self) -> bool:
        gained = (self._clock() - self._updated_at) * self._per_second
        return self._level + gained >= self._burst


class MessageLimit:
    """Messages a minute by person (or by what else `setting` is a limit of) in this process."""

    MOST_BUCKETS = 10_000

    def __init__(
        self, setting: str = "LIMIT_MESSAGES_PER_MINUTE", *, clock: Clock = time.monotonic
    ) -> None:
        self._setting = setting
        self._clock = clock
        self._buckets: dict[int, Bucket] = {}
        self._lock = threading.Lock()  # sockets and HTTP requests have threads of their own

    def take(self, user_id: int) -> None:
        """Raises TooManyError."""
        per_minute = getattr(settings, self._setting)
        if not per_minute:
            return
        with self._lock:
            bucket = self._buckets.get(user_id)
            if bucket is None:
                self._forget_rested()
                bucket = self._buckets[user_id] = Bucket(
                    per_second=per_minute / 60, burst=per_minute, clock=self._clock
                )
            bucket.take()

    def clear(self) -> None:
        self._buckets.clear()

    def _forget_rested(self) -> None:
        if len(self._buckets) >= self.MOST_BUCKETS:
            self._buckets = {
                user: bucket for user, bucket in self._buckets.items() if not bucket.is_full
            }


# One count per person, whichever way the messages come.
message_limit = MessageLimit()
