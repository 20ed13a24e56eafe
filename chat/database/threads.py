"""Threads that talk to the database for the event loop, each with a connection of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, nullcontext
from time import monotonic
from typing import Any, Final, TypeVar

from django.db import close_old_connections, connection, connections

from messaging.away import DatabaseAwayError, DatabaseUnavailableError
from messaging.lock_waits import limit_lock_waits
from messaging.outages import DATABASE

Result = TypeVar("Result")

# A connection that was idle for longer is asked whether it still lives before it is used.
TRUSTED_IDLE_SECONDS = 30.0

# While the database is away a thread whose calls fail to connect again so often at most.
CONNECTION_KEPT_SECONDS = 1.0

# What a person is told of as `unavailable`: it may work later. See Note [Away or busy].
DATABASE_AWAY = DatabaseUnavailableError


def let_go_of_database() -> None:
    """Before something that may take long: this thread's connection is somebody else's meanwhile.

    The next query opens another one. Within a transaction nothing happens."""
    if not connection.in_atomic_block:
        connection.close()


class GivesWay:
    """Of one call: before each query it waits while `may_read` is not set, in all for so long.

    All threads share one interpreter. Whoever asks the database lets go of it, and gets it back up
    to 5 ms later for each thread that computes meanwhile: beside three readers a batch of messages
    took seven times as long. Within a transaction nothing waits: others may want its locks.
    """

    MAX_SECONDS: Final = 0.02

    def __init__(self, may_read: threading.Event) -> None:
        self._may_read = may_read
        self._seconds_left = self.MAX_SECONDS

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        if (
            self._seconds_left > 0
            and not self._may_read.is_set()
            and not connection.in_atomic_block
        ):
            began_at = monotonic()
            self._may_read.wait(self._seconds_left)
            self._seconds_left -= monotonic() - began_at
        return execute(*arguments)


class OneByOne:
    """Turns of one event loop, in the order in which they were asked for.

    Whoever takes longer than MAX_SECONDS no longer keeps the next one waiting.
    """

    MAX_SECONDS: Final = 0.05

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        await self._lock.acquire()
        with ExitStack() as over:
            over.callback(self._lock.release)
            timer = asyncio.get_running_loop().call_later(self.MAX_SECONDS, over.close)
            try:
                yield
            finally:
                timer.cancel()


class DatabaseThreads:
    """A pool of `size` threads. Where the database went away, the next call connects again, also
    where another thread has found it: a connection that was there before may be to a server that
    only reads, or be dead.

    With `may_read` calls run one by one (see OneByOne; the other threads are for when one is slow)
    and give way to others while that is not set (see GivesWay). With `lock_ms` they wait for no
    lock longer than that, and raise DatabaseBusyError; SQLite, which has one lock for everything,
    waits as ever.
    """

    def __init__(
        self,
        name: str,
        *,
        size: int,
        may_read: threading.Event | None = None,
        lock_ms: int | None = None,
    ) -> None:
        self._size = size
        self._lock_ms = lock_ms
        self._may_read = may_read
        self._turns = OneByOne() if may_read else None
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix=name)
        self._thread = threading.local()
        self._is_closed = False

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Raises what the function raises; once closed, DatabaseAwayError."""
        loop = asyncio.get_running_loop()
        async with self._turns.turn() if self._turns else nullcontext():
            if self._is_closed:
                raise DatabaseAwayError("These threads have ended")
            return await loop.run_in_executor(self._pool, self._call, function, arguments)

    def _call(self, function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        self._drop_old_connection(monotonic())
        try:
            if self._lock_ms is not None:
                self._limit_locks(self._lock_ms)
            if self._may_read is None:
                return function(*arguments)
            with connection.execute_wrapper(GivesWay(self._may_read)):
                return function(*arguments)
        except DatabaseAwayError:
            connections.close_all()
            raise

    def _drop_old_connection(self, now: float) -> None:
        thread = vars(self._thread)
        if now - thread.get("used_at", now) > TRUSTED_IDLE_SECONDS:
            close_old_connections()
        thread["used_at"] = now
        made_at = thread.setdefault("made_at", now)
        if DATABASE.failed_at >= made_at and now - made_at >= CONNECTION_KEPT_SECONDS:
            connections.close_all()
            thread["made_at"] = now

    def _limit_locks(self, milliseconds: int) -> None:
        """Once for each connection."""
        if connection.vendor != "postgresql":
            return
        connection.ensure_connection()
        if getattr(self._thread, "limited", None) is not connection.connection:
            limit_lock_waits(milliseconds, whole_session=True)
            self._thread.limited = connection.connection

    def close(self) -> None:
        """Waits for what is running and closes every thread's connection."""
        self._is_closed = True
        everyone = threading.Barrier(self._size)

        def close_own() -> None:
            connections.close_all()
            everyone.wait(timeout=10)

        for _ in range(self._size):
            self._pool.submit(close_own)
        self._pool.shutdown(wait=True)
