"""The one place that decides whether the database is away: by what the server says, not by the
class that its client raises.

Note [Away or busy]. Neither is ever the fault of a statement or of a record: the same may work
later, so nothing is dead-lettered and a person is told `unavailable`.

- *Away*: the server is gone, stopping, out of resources, or refuses to write (a replica after a
  failover, a full disk). It stays so for every statement of this connection, also when the server
  has recovered: the connection is dropped.
- *Busy*: others hold a lock for too long, or the statement was ended in favour of others. The
  connection is good.

The backends raise these errors (messaging/backends), so every `except` sees them.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Final

import psycopg
from django.db import OperationalError

from messaging.errors import RetryableError
from messaging.outages import DATABASE

# By SQLSTATE, the longest beginning first. https://www.postgresql.org/docs/current/errcodes-appendix.html
WHY_AWAY: Final = {
    "25006": "it is read-only",
    "25P03": "it ended the connection",
    "25P04": "it ended the connection",
    "53100": "its disk is full",
    "53300": "it has too many connections",
    "57P01": "it ended the connection",
    "57P02": "it is stopping",
    "57P03": "it is not ready yet",
    "57P04": "it was dropped",
    "57P05": "it ended the connection",
    "58030": "its disk fails",
    "08": "the connection failed",
    "53": "it is out of resources",
}
NO_ANSWER: Final = "it does not answer"
REFUSAL: Final = re.compile(r"^connection failed: .* FATAL: +(.+)$", re.MULTILINE)
# Deadlocks and conflicts, a lock that did not come in time, a statement that took too long.
BUSY: Final = frozenset({"40001", "40P01", "55P03", "57014"})

# The same of SQLite, by the lowest byte of its code.
SQLITE_AWAY: Final = {
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "its disk fails",
    sqlite3.SQLITE_FULL: "its disk is full",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened",
}
SQLITE_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class DatabaseUnavailableError(OperationalError, RetryableError):
    """Raised when the database cannot do now what it may do later. See Note [Away or busy]."""


class DatabaseAwayError(DatabaseUnavailableError):
    """Raised when the database does not answer, or refuses to write."""


class DatabaseBusyError(DatabaseUnavailableError):
    """Raised when others kept the database from it for too long."""


def unavailable(error: BaseException) -> DatabaseUnavailableError | None:
    """What to raise instead of an error of psycopg or sqlite3, of which the outage hears; None: it
    says something about the statement. Its words quote nothing that the server said."""
    if why := why_away(error):
        DATABASE.failed(why)
        return DatabaseAwayError(f"The database is away: {why}")
    if _state_of(error) in BUSY or _sqlite_code_of(error) in SQLITE_BUSY:
        return DatabaseBusyError(f"The database kept it waiting: {type(error).__name__}")
    return None


def why_away(error: BaseException) -> str:
    """A few words without anything secret; empty when the database is not away."""
    state, sqlite_code = _state_of(error), _sqlite_code_of(error)
    if sqlite_code is not None:
        return SQLITE_AWAY.get(sqlite_code, "")
    if state is None:
        # Without a connection there is no state: refused, cut off, timed out, not yet started.
        is_lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        is_lost &= not isinstance(error, psycopg.errors.PipelineAborted)
        return _why_not_connected(error) if is_lost else ""
    found = WHY_AWAY.get(state) or WHY_AWAY.get(state[:2], "")
    return found and f"{found} ({state})"


def _why_not_connected(error: BaseException) -> str:
    """What the server said when it refused the connection (a password, a name, an option): no
    statement was sent yet, so it quotes none.
    """
    refusal = REFUSAL.search(str(error))
    return f"it refused the connection: {refusal[1].strip()}" if refusal else NO_ANSWER


def _state_of(error: BaseException) -> str | None:
    return error.sqlstate if isinstance(error, psycopg.Error) else None


def _sqlite_code_of(error: BaseException) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
