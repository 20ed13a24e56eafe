"""How many sockets a person, and an address, has open: in this process and, by Redis, in all.

Each process says in a hash of its own how many are open in it; the hash is a lease, so that those
of a process that was killed are forgotten. Told apart from rates: these are given back.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from chat.database.threads import DatabaseThreads
from chat.limits.background import Soon
from chat.limits.shared import PREFIX, SharedBuckets, connect
from chat.limits.table import SOCKETS_OF_ADDRESS, SOCKETS_OF_PERSON, Limit

LEASE_SECONDS: Final = 60
RENEW_SECONDS: Final = 20.0

LEASES: Final = f"{PREFIX}sockets"
# ARGV: this process, the lease, then of each field its name, how many are open here (with the one
# that is asked for), and how many may be in all. Answers the place (from 1) of the one that is
# full, or 0: then the process's counts are noted.
HOLD: Final = """
local now = tonumber(redis.call('TIME')[1])
local own = KEYS[1] .. ':' .. ARGV[1]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local processes = redis.call('ZRANGE', KEYS[1], 0, -1)
for i = 3, #ARGV, 3 do
  local sum, most = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  for _, other in ipairs(processes) do
    if other ~= ARGV[1] then
      sum = sum + (tonumber(redis.call('HGET', KEYS[1] .. ':' .. other, ARGV[i])) or 0)
    end
  end
  if most > 0 and sum > most then return i / 3 end
end
for i = 3, #ARGV, 3 do redis.call('HSET', own, ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', own, ARGV[2])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 0
"""
# ARGV: this process, the lease, then of each field its name and how many are open. Answers how
# many fields there are, from which is seen whether Redis has lost some.
TELL: Final = """
local now = tonumber(redis.call('TIME')[1])
local own = KEYS[1] .. ':' .. ARGV[1]
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', own, ARGV[i])
  else redis.call('HSET', own, ARGV[i], ARGV[i + 1]) end
end
redis.call('EXPIRE', own, ARGV[2])
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], 10 * ARGV[2])
return redis.call('HLEN', own)
"""


class Place:
    """One socket's, with the rows that it counts for."""

    __slots__ = ("fields", "is_held")

    def __init__(self, user_id: int, address: str) -> None:
        rows = [(f"person:{user_id}", SOCKETS_OF_PERSON)]
        if address:
            rows.append((f"address:{address}", SOCKETS_OF_ADDRESS))
        self.fields: dict[str, Limit] = dict(rows)
        self.is_held = False


class SocketPlaces:
    def __init__(self, redis: Redis | None) -> None:
        self._counts: Counter[str] = Counter()
        self._untold: set[str] = set()
        self._lock = threading.Lock()
        self._name = uuid.uuid4().hex
        self._shared = SharedBuckets(redis) if redis else None
        if redis:
            self._hold, self._tell = redis.register_script(HOLD), redis.register_script(TELL)
        self._soon = Soon("sockets", self.tell, self._rest, at_least_every=RENEW_SECONDS)

    async def take(self, place: Place, threads: DatabaseThreads) -> Limit | None:
        """The row that is full, or None: then the place is held. Never asks Redis on the loop."""
        full = self._reserve(place)
        if full is None and self._is_shared:
            full = await threads.run(self._full_elsewhere, place)
            if full:
                self.give_up(place)
        return full

    def give_up(self, place: Place) -> None:
        """Done twice it is done once."""
        with self._lock:
            if not place.is_held:
                return
            place.is_held = False
            for field in place.fields:
                self._counts[field] -= 1
                if not self._counts[field]:
                    del self._counts[field]
            self._note(place.fields)

    def tell(self) -> None:
        """Says how many are open here. Raises RedisError."""
        if not self._is_shared:
            return
        with self._lock:
            changed, self._untold = self._untold, set()
            counts = {field: self._counts[field] for field in changed}
            known = len(self._counts)
        if counts or known:
            found = self._tell_of(counts)
            with self._lock:
                # Redis has lost what it was told, or was away when it was: all of it once more.
                if found != len(self._counts) and not self._untold:
                    self._untold = set(self._counts)
                    self._soon.ask()

    def close(self) -> None:
        self._soon.close()
        if self._shared is not None:
            self._shared.close()

    @property
    def _is_shared(self) -> bool:
        return self._shared is not None and not self._shared.is_resting

    def _reserve(self, place: Place) -> Limit | None:
        with self._lock:
            for field, limit in place.fields.items():
                if limit.amount and self._counts[field] >= limit.amount:
                    return limit
            place.is_held = True
            self._counts.update(place.fields.keys())
            self._note(place.fields)
        return None

    def _full_elsewhere(self, place: Place) -> Limit | None:
        args: list[str | int] = [self._name, LEASE_SECONDS]
        with self._lock:
            for field, limit in place.fields.items():
                args += [field, self._counts[field], limit.amount]
        try:
            number = int(str(self._hold(keys=[LEASES], args=args)))
        except RedisError as error:
            self._rest(error)
            return None
        return list(place.fields.values())[number - 1] if number else None

    def _note(self, fields: Iterable[str]) -> None:
        if self._shared is not None:
            self._untold.update(fields)
            self._soon.ask()

    def _tell_of(self, counts: dict[str, int]) -> int:
        args: list[str | int] = [self._name, LEASE_SECONDS]
        for field, count in counts.items():
            args += [field, count]
        return int(str(self._tell(keys=[LEASES], args=args)))

    def _rest(self, error: RedisError) -> None:
        assert self._shared is not None
        self._shared.rest(error)


_places: SocketPlaces | None = None
_making = threading.Lock()


def socket_places() -> SocketPlaces:
    """This process's; made when it is first asked for."""
    global _places
    with _making:
        if _places is None:
            _places = SocketPlaces(connect())
        return _places
