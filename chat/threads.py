"""Threads that talk to the database for the event loop, each with a connection of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import (
    InterfaceError,
    OperationalError,
    close_old_connections,
    connection,
    connections,
)

Result = TypeVar("Result")

# A connection that was idle for longer is asked whether it still lives before it is used.
TRUSTED_IDLE_SECONDS = 30.0

# What the database's client raises when the database is away.
DATABASE_AWAY = (OperationalError, InterfaceError)


def let_go_of_database() -> None:
    """Before something that may take long: this thread's connection is somebody else's meanwhile.

    The next query opens another one. Within a transaction nothing happens."""
    if not connection.in_atomic_block:
        connection.close()


class DatabaseThreads:
    """A pool of `size` threads. Where the database went away, the next call connects anew."""

    def __init__(self, name: str, *, size: int) -> None:
        self._size = size
        self._pool = ThreadPoolExecutor(max_workers=size, thread_name_prefix=name)
        self._thread = threading.local()

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._call, function, arguments)

    def _call(self, function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        now = time.monotonic()
        if now - getattr(self._thread, "used_at", now) > TRUSTED_IDLE_SECONDS:
            close_old_connections()
        self._thread.used_at = now
        try:
            return function(*arguments)
        except DATABASE_AWAY:
            connections.close_all()
            raise

    def close(self) -> None:
        """Waits for what is running and closes every thread's connection."""
        everyone = threading.Barrier(self._size)

        def close_own() -> None:
            connections.close_all()
            everyone.wait(timeout=10)

        for _ in range(self._size):
            self._pool.submit(close_own)
        self._pool.shutdown(wait=True)
