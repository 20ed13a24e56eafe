"""Statements that go to PostgreSQL together: one wait for all of them instead of one for each.

with pipelined_transaction():
    rows = ask("SELECT …", [1, 2])  # sent, not waited for
    rows.fetchall()
    tell("UPDATE …", [3])

A statement begins when the one before it has ended, and sees what was committed by then. In a
pipeline it is also prepared: PostgreSQL plans it once per connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final

import psycopg
from django.db import DatabaseError, connection, transaction

from messaging.outages import DATABASE

# Django turns preparing off (None). This turns it on; only what asks for it is prepared.
PREPARE_THRESHOLD: Final = 1_000_000
# By itself PostgreSQL plans a statement again for one or two rows: 28 % of its work for a single
# post. So a plan has to be good for any number of rows, and for tables that were small when it was
# made: a look-up by `unnest` and LATERAL, which only one index can answer.
KEEP_PLANS: Final = "SET plan_cache_mode = force_generic_plan"


@contextmanager
def pipelined() -> Iterator[None]:
    """Raises what its statements raise, as Django's errors: at the latest at its end."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.connection.prepare_threshold is None:
            connection.connection.execute(KEEP_PLANS)
            connection.connection.prepare_threshold = PREPARE_THRESHOLD
        try:
            with connection.connection.pipeline():
                yield
        except psycopg.errors.PipelineAborted as aborted:
            # At its end psycopg raises this in the place of what the first statement raised.
            raise aborted.__context__ or aborted from None


@contextmanager
def pipelined_transaction() -> Iterator[None]:
    """`transaction.atomic()` whose BEGIN goes with its first statement and whose COMMIT goes with
    its last. By itself psycopg waits for the one, and both turn its autocommit off and on, which in
    a pipeline are four waits more than needed.

    Within another transaction it is a savepoint.
    """
    if connection.in_atomic_block or not connection.get_autocommit():
        with transaction.atomic(), pipelined():
            yield
        return
    connection.close_if_health_check_failed()
    # The pipeline has been left before what undid the transaction comes out of it.
    with connection.wrap_database_errors, ExitStack() as pipeline:
        pipeline.enter_context(pipelined())
        with _sent_along(pipeline), transaction.atomic():
            yield


@contextmanager
def _sent_along(pipeline: ExitStack) -> Iterator[None]:
    """Django's own steps, of this connection and this once: psycopg stays in autocommit, and the
    transaction is PostgreSQL's alone.
    """

    this: Any = transaction.get_connection()
    own, set_autocommit, roll_back = this.connection, this._set_autocommit, this._rollback

    def begin() -> None:
        _add(b"BEGIN")

    def keep_autocommit(value: bool) -> None:
        if this.connection is not own:  # connected again, meanwhile
            set_autocommit(value)

    def commit() -> None:
        _add(b"COMMIT")
        pipeline.close()
        DATABASE.worked()

    def leave_and_roll_back() -> None:
        with suppress(DatabaseError):  # it has been raised, or will never be missed
            pipeline.close()
        roll_back()

    steps = {
        "_start_transaction_under_autocommit": begin,
        "_set_autocommit": keep_autocommit,
        "_commit": commit,
        "_rollback": leave_and_roll_back,
    }
    for name, step in steps.items():
        setattr(this, name, step)
    try:
        yield
    finally:
        for name in steps:
            delattr(this, name)


def _add(command: bytes) -> None:
    """To what is sent next. psycopg has no public word for it."""
    connection.connection.wait(connection.connection._exec_command(command))


def ask(query: str, parameters: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
    """Sends it; its rows are waited for when they are fetched. Placeholders are `%b`."""
    cursor = psycopg.Cursor(connection.connection)
    return cursor.execute(query.encode(), parameters, prepare=True, binary=True)


def tell(query: str, parameters: Sequence[Any] = ()) -> None:
    """Sends it. Outside of a pipeline it is waited for."""
    with connection.wrap_database_errors:
        ask(query, parameters)


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows of `width` fields, as parameters of `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
