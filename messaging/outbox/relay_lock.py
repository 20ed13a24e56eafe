"""Lets one relay work at a time, across all processes, and wakes it when events were recorded.
(Where several share the work, see `relay_share.py`.)

On PostgreSQL an advisory lock on a connection of its own, which also listens for NOTIFY: it is
released the moment its process dies. On SQLite, where everything is on one machine, a lock on a
file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

import psycopg
from django.db import connection

from messaging import lock_keys
from messaging.away import unavailable
from messaging.errors import RetryableError
from messaging.outbox.recording import NOTIFY_CHANNEL
from messaging.outbox.shards import ALL_SHARDS, Shards

# And the other way round: the server frees the lock of a relay whose machine is gone without a
# word, after 11 s instead of two hours.
NOTICE_LOST_RELAYS = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
)


class Alarm:
    """Wakes one thread from others. A ring that nobody waited for wakes the next wait."""

    def __init__(self) -> None:
        self._hears, self._rings = socket.socketpair()
        self._hears.setblocking(False)
        self._rings.setblocking(False)

    def ring(self) -> None:
        # Full: it is already ringing. Closed: nobody is waiting any more.
        with contextlib.suppress(OSError):
            self._rings.send(b"!")

    def wait(self, timeout_seconds: float, *, fileno: int | None = None) -> None:
        """Returns when it rings, when `fileno` has something to read, or when the time is up."""
        watched = [self._hears.fileno()] + ([] if fileno is None else [fileno])
        select.select(watched, [], [], max(timeout_seconds, 0))
        with contextlib.suppress(OSError):
            while self._hears.recv(4096):
                pass

    def close(self) -> None:
        self._hears.close()
        self._rings.close()


class RelayLock(Protocol):
    shards: Shards  # whose rows this relay takes while it holds the lock

    def acquire(self) -> bool:
        """Whether this relay holds the lock. Raises RetryableError if that cannot be determined."""

    def confirm(self) -> bool:
        """Between rounds: whether this relay still has something to do. `shards` may change.
        Raises RetryableError when the lock is no longer held."""

    def wait(self, alarm: Alarm, timeout_seconds: float) -> None:
        """Waits until the alarm rings, events are recorded anywhere, or the time is up."""

    def release(self) -> None: ...


class PostgresLock:
    """Tries again and again instead of waiting in the server: a waiting query would hold back
    vacuum for as long as it waits."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]] | None = None,
        *,
        key: int = lock_keys.RELAY,
    ) -> None:
        self.shards: Shards = ALL_SHARDS
        self._connect = connect or _own_connection
        self._key = key
        self._connection: psycopg.Connection[Any] | None = None

    def acquire(self) -> bool:
        try:
            if self._connection is None:
                self._connection = self._connect()
            row = self._connection.execute(
                "SELECT pg_try_advisory_lock(%s)", [self._key]
            ).fetchone()
            if row and row[0]:
                self._connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
                return True
        except psycopg.Error as error:
            self.release()
            raise unavailable(error) or RetryableError("PostgreSQL refuses the lock") from error
        return False

    def confirm(self) -> bool:
        if self._connection is None:
            raise RetryableError("The relay's lock is not held")
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error as error:
            raise self._gone(error) from error
        return True

    def wait(self, alarm: Alarm, timeout_seconds: float) -> None:
        if self._connection is None:
            return alarm.wait(timeout_seconds)
        try:
            # What came with the answer to an earlier query is not readable at the socket any more.
            if not any(True for _ in self._connection.notifies(timeout=0)):
                alarm.wait(timeout_seconds, fileno=self._connection.fileno())
        except (psycopg.Error, ValueError, OSError) as error:
            raise self._gone(error) from error
        return None

    def release(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                self._connection.close()
            self._connection = None

    def _gone(self, error: Exception) -> RetryableError:
        self.release()
        gone = RetryableError("The connection that holds the relay's lock is gone")
        return unavailable(error) or gone


class FileLock:
    """Released when its process ends, however that happens."""

    def __init__(self, path: Path) -> None:
        self.shards: Shards = ALL_SHARDS
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        if self._file is not None:
            return True
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def confirm(self) -> bool:
        if self._file is None:
            raise RetryableError("The relay's lock is not held")
        return True

    def wait(self, alarm: Alarm, timeout_seconds: float) -> None:
        alarm.wait(timeout_seconds)

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def make_lock() -> RelayLock:
    """The one for the database in use."""
    if connection.vendor == "postgresql":
        return PostgresLock()
    return FileLock(path_beside(str(connection.settings_dict["NAME"]), purpose="relay"))


def _own_connection() -> psycopg.Connection[Any]:
    parameters = connection.get_connection_params()
    wanted = ("host", "port", "user", "password", "dbname", "service", "passfile")
    chosen = {name: value for name, value in parameters.items() if name in wanted and value}
    chosen |= {name: value for name, value in parameters.items() if name.startswith("ssl")}
    return psycopg.connect(
        **chosen,
        autocommit=True,
        application_name="webchat relay",
        connect_timeout=5,
        # A frozen or unreachable server is noticed, and the lock tried for elsewhere.
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
        options=f"-c statement_timeout=5000 {NOTICE_LOST_RELAYS}",
    )


def path_beside(database: str, *, purpose: str) -> Path:
    """An in-memory database has only one process anyway: the lock is then local to it."""
    if "memory" in database or not database:
        return Path(tempfile.gettempdir()) / f"webchat-{purpose}-{os.getpid()}.lock"
    return Path(f"{database}.{purpose}.lock")
