"""Lets one replay run at a time; falls free when its process ends, however that happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

from messaging import lock_keys
from messaging.errors import RetryableError
from messaging.outbox.relay_lock import FileLock, path_beside


class ReplayRunsError(RetryableError):
    """Raised when another process replays events now."""


@contextmanager
def replay_lock() -> Iterator[None]:
    """Held by Django's own connection: when that is lost, so is the replay.

    Raises ReplayRunsError.
    """
    if connection.vendor != "postgresql":
        with _file_lock():
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock_keys.REPLAY])
        if not cursor.fetchone()[0]:
            raise ReplayRunsError("Another replay is running. Wait until it ends.")
    try:
        yield
    finally:
        _unlock()


def _unlock() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock_keys.REPLAY])
    except DatabaseError:  # the connection is gone, and the lock with it
        connection.close()


@contextmanager
def _file_lock() -> Iterator[None]:
    lock = FileLock(path_beside(str(connection.settings_dict["NAME"]), purpose="replay"))
    if not lock.acquire():
        raise ReplayRunsError("Another replay is running. Wait until it ends.")
    try:
        yield
    finally:
        lock.release()
