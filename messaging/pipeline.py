"""Statements that go to PostgreSQL together: one wait for all of them instead of one for each.

with pipelined(), transaction.atomic():
    rows = ask("SELECT …", [1, 2])  # sent, not waited for
    tell("UPDATE …", [3])
    rows.fetchall()

Part of Django's transaction. A statement begins when the one before it has ended, and sees what was
committed by then. In a pipeline it is also prepared: PostgreSQL plans it once per connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from django.db import connection

# Django turns preparing off (None). This turns it on; only what asks for it is prepared.
PREPARE_THRESHOLD: Final = 1_000_000


@contextmanager
def pipelined() -> Iterator[None]:
    """Raises what its statements raise, as Django's errors: at the latest at its end."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.connection.prepare_threshold is None:
            connection.connection.prepare_threshold = PREPARE_THRESHOLD
        with connection.connection.pipeline():
            yield


def ask(query: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
    """Sends it; its rows are waited for when they are fetched. Placeholders are `%b`."""
    cursor = psycopg.Cursor(connection.connection)
    return cursor.execute(query.encode(), parameters, prepare=True, binary=True)


def tell(query: str, parameters: Sequence[Any]) -> None:
    """Sends it. Outside of a pipeline it is waited for."""
    with connection.wrap_database_errors:
        ask(query, parameters)


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows of `width` fields, as parameters of `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
