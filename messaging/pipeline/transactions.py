"""with pipelined_transaction():
    read = ask("SELECT … WHERE id = ANY($1)", int8s([1, 2]))  # not sent yet
    rows_of(read)  # now, and waited for
    tell("UPDATE …", …)  # with COMMIT

A statement begins when the one before it has ended, and sees what was committed by then. It is
prepared: PostgreSQL plans it once per connection. What the ORM sends in between comes after what
was told before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.db import DatabaseError, connection, transaction

from messaging.outages import DATABASE
from messaging.pipeline.trips import Statement, Trips, trips_of

BEGIN: Final = "BEGIN"
COMMIT: Final = "COMMIT"


@contextmanager
def pipelined_transaction() -> Iterator[None]:
    """`transaction.atomic()` whose BEGIN goes with its first statement and whose COMMIT goes with
    its last. By themselves both are waited for, and so is psycopg's autocommit, off and on.

    Within another transaction it is a savepoint. Raises what its statements raise, as Django's
    errors: at the latest at its end.
    """
    if connection.in_atomic_block or not connection.get_autocommit():
        with transaction.atomic(), _held(_trips()) as trips:
            yield
            _come_back(trips)
        return
    connection.close_if_health_check_failed()
    trips = _trips()
    with _held(trips), _sent_along(trips), transaction.atomic():
        yield


def ask(query: str, *parameters: bytes | None) -> Statement:
    """Goes with what is told before and after, when its rows are asked for. Placeholders are `$1`,
    parameters as messaging.pipeline.binary makes them.
    """
    statement = Statement(query, parameters)
    trips = _trips()
    with connection.wrap_database_errors:
        trips.add(statement)
        if not trips.is_open:
            trips.come_back()
    return statement


def tell(query: str, *parameters: bytes | None) -> None:
    """As `ask`; nobody waits for it. Outside of a pipelined transaction it is sent at once."""
    ask(query, *parameters)


def rows_of(statement: Statement) -> list[tuple[Any, ...]]:
    with connection.wrap_database_errors:
        return _trips().rows(statement)


def _trips() -> Trips:
    connection.ensure_connection()
    return trips_of(connection.connection)


def _come_back(trips: Trips) -> None:
    with connection.wrap_database_errors:
        trips.come_back()


def _come_back_whatever_comes(trips: Trips) -> None:
    with suppress(DatabaseError):  # it has been raised, or will never be missed
        _come_back(trips)


@contextmanager
def _held(trips: Trips) -> Iterator[Trips]:
    """Statements wait for each other; the ORM's come in their turn."""

    def in_turn(execute: Any, *arguments: Any) -> Any:
        _come_back(trips)
        return execute(*arguments)

    before, trips.is_open = trips.is_open, True
    try:
        with connection.execute_wrapper(in_turn):
            yield trips
    except BaseException:
        _come_back_whatever_comes(trips)
        raise
    finally:
        trips.is_open = before


@contextmanager
def _sent_along(trips: Trips) -> Iterator[None]:
    """Django's own steps, of this connection and this once: psycopg stays in autocommit, and the
    transaction is PostgreSQL's alone.
    """

    this: Any = transaction.get_connection()
    own, set_autocommit, roll_back = this.connection, this._set_autocommit, this._rollback

    def begin() -> None:
        trips.add(Statement(BEGIN), departs=False)

    def keep_autocommit(value: bool) -> None:
        if this.connection is not own:  # connected again, meanwhile
            set_autocommit(value)

    def commit() -> None:
        trips.add(Statement(COMMIT), departs=False)
        _come_back(trips)
        DATABASE.worked()

    def come_back_and_roll_back() -> None:
        _come_back_whatever_comes(trips)
        roll_back()

    steps = {
        "_start_transaction_under_autocommit": begin,
        "_set_autocommit": keep_autocommit,
        "_commit": commit,
        "_rollback": come_back_and_roll_back,
    }
    for name, step in steps.items():
        setattr(this, name, step)
    try:
        yield
    finally:
        for name in steps:
            delattr(this, name)
