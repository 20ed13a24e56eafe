"""Refuses a pooler that lends PostgreSQL's sessions out for one transaction at a time.

Locks of relays, replays and webhooks, LISTEN, kept plans and settings belong to a session: there
they would be somebody else's a moment later, and a kept plan could be another's statement. With
PgBouncer that is `pool_mode = transaction` or `statement`; with `session` all of it works.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

# Another client of the pooler may come in between.
TRIES: Final = 20
POOLED: Final = (
    "DATABASE_URL leads to a pooler that lends sessions out for one transaction at a time: locks"
    " would hold nothing, and statements could be those of others."
)
WAY_OUT: Final = (
    "Give PostgreSQL's own address, or a pool of its own for this database in session mode"
    " (PgBouncer: pool_mode=session beside the database's name). See docs/operations.md, Poolers."
)
WITHOUT_OPTIONS: Final = (
    "A pooler passes the options of connections on to nobody: statements and waits for locks"
    " have no time limit."
)
LIMITS_OF_ROLE: Final = (
    "Give the limits to the role: ALTER ROLE … SET statement_timeout = '30s'; the same for"
    " lock_timeout = '10s' and idle_in_transaction_session_timeout = '60s'."
)
REFUSES_OPTIONS: Final = "unsupported startup parameter"


class _Known:
    """What this process has found out."""

    has_sessions = False


def refuse_pooled(sender: Any, connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
    """For each new connection, until one was found to be a session of its own.

    Raises ImproperlyConfigured.
    """
    if _Known.has_sessions or connection.vendor != "postgresql":
        return
    if is_pooled(connection):
        connection.close()
        raise ImproperlyConfigured(f"{POOLED} {WAY_OUT}")
    _Known.has_sessions = True


def is_pooled(connection: BaseDatabaseWrapper) -> bool:
    """Whether two connections are ever served by one process of PostgreSQL, or one by two."""
    own: psycopg.Connection[Any] = connection.connection
    if _server_pid(own) == own.info.backend_pid:
        return False  # PostgreSQL itself
    with connection.get_new_connection(connection.get_connection_params()) as other:
        other.autocommit = True
        served_own, served_other = set(), set()
        for _ in range(TRIES):
            served_own.add(_server_pid(own))
            served_other.add(_server_pid(other))
            if len(served_own) > 1 or served_own & served_other:
                return True
    return False


def find_mistakes() -> list[tuple[str, str]]:
    """Of the way to the database: what is wrong, and what to do. Raises DatabaseError."""
    if connection.vendor != "postgresql":
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            [limit] = cursor.fetchone()
    except ImproperlyConfigured:
        return [(POOLED, WAY_OUT)]
    except DatabaseError as error:
        if REFUSES_OPTIONS not in str(error):
            raise
        return [(str(error).strip(), f"ignore_startup_parameters = options. {LIMITS_OF_ROLE}")]
    return [(WITHOUT_OPTIONS, LIMITS_OF_ROLE)] if limit == "0" else []


def _server_pid(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])
