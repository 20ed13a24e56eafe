"""The same buckets in Redis, for all processes together. Each question is one round trip.

Redis's own clock counts, so that the processes' need not agree. Raises RedisError; who asks decides
what holds while Redis is away.

No library counts like this: one round trip for several buckets, all or none, that also says when to
come back; and adding what has been let through already, many at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from chat.limits.buckets import Charge, Rate, Refusal, seconds_to_wait
from messaging.outages import REDIS

PREFIX: Final = "webchat:limit:"
# So long nobody waits for a Redis that did not answer.
REST_SECONDS: Final = 10.0
# Buckets in one question: nobody else is answered meanwhile.
MAX_AT_ONCE: Final = 500

# Of each key the moment, in milliseconds, at which its bucket is full again.
_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + t[2] / 1000 "
_AHEAD = (
    "local function ahead(key)"
    " return math.max((tonumber(redis.call('GET', key)) or now) - now, 0) end "
)
_SET = (
    "local function set(key, ahead)"
    " if ahead <= 0 then redis.call('DEL', key) return end"
    " redis.call('SET', key, string.format('%.3f', now + ahead), 'PX', math.ceil(ahead)) end "
)
# ARGV: interval and capacity of each key. Answers the place (from 1) of the first that is too
# empty, and how far ahead it is; 0 when all were taken from.
TAKE: Final = (
    _NOW
    + _AHEAD
    + _SET
    + """
for i, key in ipairs(KEYS) do
  local interval, capacity = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  if ahead(key) + interval - capacity > 0.001 then return {i, math.ceil(ahead(key))} end
end
for i, key in ipairs(KEYS) do set(key, ahead(key) + ARGV[2 * i - 1]) end
return {0, 0}
"""
)
# ARGV: of each key interval, capacity, and how many (fewer than 0: given back). Answers how far
# ahead each is then.
ADD: Final = (
    _NOW
    + _AHEAD
    + _SET
    + """
local found = {}
for i, key in ipairs(KEYS) do
  local interval, capacity, count = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local new = math.max(0, math.min(ahead(key) + interval * count, tonumber(capacity)))
  set(key, new)
  found[i] = math.ceil(new)
end
return found
"""
)
LOOK: Final = _NOW + _AHEAD + "return math.ceil(ahead(KEYS[1]))"


class SharedBuckets:
    """On the Redis of the settings."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._take = redis.register_script(TAKE)
        self._add = redis.register_script(ADD)
        self._look = redis.register_script(LOOK)
        self._resting_until = 0.0

    @property
    def is_resting(self) -> bool:
        return time.monotonic() < self._resting_until

    def rest(self, error: RedisError) -> None:
        """Each process counts for itself for a while."""
        self._resting_until = time.monotonic() + REST_SECONDS
        REDIS.failed(f"limits are not shared ({type(error).__name__})")

    def take(self, charges: Sequence[Charge]) -> Refusal | None:
        numbers = [number for charge in charges for number in _milliseconds(charge.rate)]
        keys = [PREFIX + charge.key for charge in charges]
        place, ahead = self._answer(self._take(keys=keys, args=numbers))
        if not place:
            return None
        # Rounded up to a millisecond: it does not fit, whatever that makes of it.
        seconds = seconds_to_wait(ahead / 1000, charges[place - 1].rate)
        return Refusal(place - 1, seconds or 0.01)

    def wait(self, charge: Charge) -> float:
        ahead = self._answer(self._look(keys=[PREFIX + charge.key]))
        return seconds_to_wait(ahead / 1000, charge.rate)

    def add(self, charges: Sequence[tuple[Charge, int]]) -> list[float]:
        found: list[float] = []
        for start in range(0, len(charges), MAX_AT_ONCE):
            some = charges[start : start + MAX_AT_ONCE]
            keys = [PREFIX + charge.key for charge, _ in some]
            args = [number for one, count in some for number in (*_milliseconds(one.rate), count)]
            found += [ahead / 1000 for ahead in self._answer(self._add(keys=keys, args=args))]
        return found

    def forget(self, key: str) -> None:
        self.redis.delete(PREFIX + key)

    def clear(self) -> None:
        for key in self.redis.scan_iter(f"{PREFIX}*", count=1000):
            self.redis.delete(key)

    def close(self) -> None:
        """Its connections; asked once more, it makes new ones."""
        self.redis.close()

    @staticmethod
    def _answer(answer: Any) -> Any:
        # The client's types say that it may be awaitable, which this client's never is.
        REDIS.worked()
        return answer


def connect() -> Redis | None:
    """The Redis of the settings, with the cache's time limits; None where there is none."""
    if not settings.REDIS_URL:
        return None
    redis: Redis = Redis.from_url(
        settings.REDIS_URL, **settings.CACHES["default"].get("OPTIONS", {})
    )
    return redis


def _milliseconds(rate: Rate) -> tuple[float, float]:
    return 1000 * rate.interval, 1000 * rate.capacity
