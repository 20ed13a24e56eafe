"""Who is online, as leases: each process says every so often who is connected to it, and whoever is
not said again is gone. Nothing is stored; the first thing to be dropped under load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

LEASE_SECONDS: Final = 60.0
RENEW_SECONDS: Final = 20.0


class Presence:
    """The leases that this process knows of, its own sockets' people among them."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[int, float] = {}

    def renew(self, user_ids: Iterable[int]) -> set[int]:
        """Prolongs the leases; returns who has just come online."""
        until = self._clock() + LEASE_SECONDS
        come = {user_id for user_id in user_ids if user_id not in self._until}
        self._until.update(dict.fromkeys(user_ids, until))
        return come

    def end(self, user_id: int) -> bool:
        return self._until.pop(user_id, None) is not None

    def expire(self) -> set[int]:
        """Drops the leases that ran out; returns whose they were."""
        now = self._clock()
        gone = {user_id for user_id, until in self._until.items() if until <= now}
        for user_id in gone:
            del self._until[user_id]
        return gone

    def is_online(self, user_id: int) -> bool:
        return user_id in self._until
