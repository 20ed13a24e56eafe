"""Lets several relays work at a time, each for its share of the keys (PostgreSQL).

Every relay holds the relay's lock together with the others, which says that it is there, and one
lock for each of its shards, all on one connection: what a relay that died held is free at once.
Each second it counts who is there, gives up what is more than its share, and takes what is free.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import psycopg
from django.db import connection

from messaging import lock_keys
from messaging.away import unavailable
from messaging.errors import RetryableError
from messaging.outbox.recording import NOTIFY_CHANNEL
from messaging.outbox.relay_lock import Alarm, PostgresLock, RelayLock, make_lock
from messaging.outbox.shards import ALL_SHARDS, SHARDS, Shards, fair_share, first_tries

BALANCE_SECONDS = 1.0  # a dead relay's share is taken over, and a new one gets its own, within that

READ_HOLDERS: Final = """
    SELECT objid::bigint, pid, pid = pg_backend_pid() FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid = %s
        AND (objid = %s AND mode = 'ShareLock' OR objid BETWEEN %s AND %s)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Standing(NamedTuple):
    """What all relays hold, as one of them sees it."""

    place: int  # of this relay among them, from 0
    relays: int
    free: list[int]

    @property
    def share(self) -> int:
        return fair_share(self.place, self.relays)


class PostgresShare(PostgresLock):
    """`seat`: a lock of which only one relay takes part at a time; the others stand by for it.

    While a relay that wants everything (PostgresLock) works, those that share stand by, and the
    other way round.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]] | None = None,
        *,
        seat: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(connect)
        self.shards = ()
        self._seat = seat
        self._clock = clock
        self._is_present = False
        self._balance_at = 0.0

    def acquire(self) -> bool:
        try:
            self._is_present = self._is_present or self._become_present()
            if self._is_present:
                self._balance()
        except psycopg.Error as error:
            self.release()
            raise unavailable(error) or RetryableError("PostgreSQL refuses the lock") from error
        return bool(self.shards)

    def confirm(self) -> bool:
        if self._connection is None or self._clock() < self._balance_at:
            return super().confirm() and bool(self.shards)
        try:
            self._balance()
        except psycopg.Error as error:
            raise self._gone(error) from error
        return bool(self.shards)

    def wait(self, alarm: Alarm, timeout_seconds: float) -> None:
        super().wait(alarm, min(timeout_seconds, max(0.0, self._balance_at - self._clock())))

    def release(self) -> None:
        super().release()
        self.shards = ()
        self._is_present = False

    def _become_present(self) -> bool:
        if self._connection is None:
            self._connection = self._connect()
        if self._seat is not None and not self._ask("pg_try_advisory_lock", self._seat):
            return False
        if not self._ask("pg_try_advisory_lock_shared", self._key):
            if self._seat is not None:
                self._ask("pg_advisory_unlock", self._seat)
            return False
        self._connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
        return True

    def _balance(self) -> None:
        """Only between rounds: what came of a shard's rows is written before another relay reads
        them.
        """
        standing = self._look_around()
        kept = self.shards[: standing.share]
        for shard in self.shards[standing.share :]:
            self._ask("pg_advisory_unlock", lock_keys.FIRST_RELAY_SHARD + shard)
        self.shards = tuple(sorted({*kept, *self._take(standing, standing.share - len(kept))}))
        self._balance_at = self._clock() + BALANCE_SECONDS

    def _take(self, standing: Standing, wanted: int) -> Shards:
        taken: list[int] = []
        for shard in first_tries(standing.free, standing.place, standing.relays):
            if len(taken) == wanted:
                break
            if self._ask("pg_try_advisory_lock", lock_keys.FIRST_RELAY_SHARD + shard):
                taken.append(shard)
        return tuple(taken)

    def _look_around(self) -> Standing:
        assert self._connection is not None
        high, relay = divmod(self._key, 1 << 32)
        first = lock_keys.FIRST_RELAY_SHARD % (1 << 32)
        holders = self._connection.execute(
            READ_HOLDERS, [high, relay, first, first + SHARDS - 1]
        ).fetchall()
        relays = sorted((pid, is_own) for lock, pid, is_own in holders if lock == relay)
        held = {lock - first for lock, _, _ in holders if lock != relay}
        places = [place for place, (_, is_own) in enumerate(relays) if is_own]
        if not places:
            raise RetryableError("This relay's lock is not held any more")
        return Standing(places[0], len(relays), [s for s in ALL_SHARDS if s not in held])

    def _ask(self, function: str, key: int) -> bool:
        assert self._connection is not None
        row = self._connection.execute(f"SELECT {function}(%s)", [key]).fetchone()
        return bool(row and row[0])


def make_share(*, seat: int | None = None) -> RelayLock:
    """For the database in use: on SQLite one relay has everything."""
    return PostgresShare(seat=seat) if connection.vendor == "postgresql" else make_lock()
