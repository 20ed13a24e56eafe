"""Whether the database is away is what the server says, not which class its client raises."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from django.db import InterfaceError, OperationalError

from messaging.away import DatabaseAwayError, DatabaseBusyError, unavailable
from messaging.describing import describe
from messaging.errors import RetryableError

AWAY = {
    "25006": "it is read-only (25006)",
    "25P03": "it ended the connection (25P03)",
    "53100": "its disk is full (53100)",
    "53200": "it is out of resources (53200)",
    "53300": "it has too many connections (53300)",
    "57P01": "it ended the connection (57P01)",
    "57P02": "it is stopping (57P02)",
    "57P03": "it is not ready yet (57P03)",
    "08006": "the connection failed (08006)",
    "08P01": "the connection failed (08P01)",
    "58030": "its disk fails (58030)",
}
BUSY = ["40001", "40P01", "55P03", "57014"]
OF_THE_STATEMENT = ["22021", "23505", "25P02", "42501", "42P01", "XX000", "54000"]


def of(state: str) -> psycopg.Error:
    return psycopg.errors.lookup(state)("secret words")


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("secret words")
    error.sqlite_errorcode = code
    return error


class TestUnavailable:
    @pytest.mark.parametrize(("state", "why"), AWAY.items())
    def test_is_a_server_that_cannot_work_whatever_its_class(self, state, why):
        error = unavailable(of(state))
        assert type(error) is DatabaseAwayError
        assert error is not None
        assert describe(error) == f"DatabaseAwayError: The database is away: {why}"

    @pytest.mark.parametrize(
        "error",
        [psycopg.OperationalError("secret"), psycopg.InterfaceError("secret")],
        ids=lambda error: type(error).__name__,
    )
    def test_is_a_connection_that_never_stood_or_is_gone(self, error):
        assert str(unavailable(error)) == "The database is away: it does not answer"

    def test_says_why_the_server_refused_a_connection(self):
        error = psycopg.OperationalError(
            'connection failed: connection to server at "127.0.0.1", port 5432 failed: FATAL: '
            ' password authentication failed for user "webchat"'
        )
        assert str(unavailable(error)) == (
            "The database is away: it refused the connection:"
            ' password authentication failed for user "webchat"'
        )

    @pytest.mark.parametrize("state", BUSY)
    def test_is_no_outage_where_others_are_in_the_way(self, state):
        assert type(unavailable(of(state))) is DatabaseBusyError

    @pytest.mark.parametrize("state", OF_THE_STATEMENT)
    def test_is_nothing_that_is_said_of_the_statement(self, state):
        assert unavailable(of(state)) is None

    def test_is_not_what_follows_in_a_pipeline(self):
        assert unavailable(psycopg.errors.PipelineAborted("pipeline aborted")) is None

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (sqlite3.SQLITE_READONLY, DatabaseAwayError),
            (sqlite3.SQLITE_READONLY_DBMOVED, DatabaseAwayError),
            (sqlite3.SQLITE_FULL, DatabaseAwayError),
            (sqlite3.SQLITE_IOERR_WRITE, DatabaseAwayError),
            (sqlite3.SQLITE_CANTOPEN, DatabaseAwayError),
            (sqlite3.SQLITE_BUSY, DatabaseBusyError),
            (sqlite3.SQLITE_BUSY_SNAPSHOT, DatabaseBusyError),
            (sqlite3.SQLITE_ERROR, type(None)),
            (sqlite3.SQLITE_CONSTRAINT, type(None)),
        ],
    )
    def test_is_the_same_of_sqlite(self, code, kind):
        assert type(unavailable(of_sqlite(code))) is kind

    def test_is_for_those_who_try_again_and_for_those_who_know_django(self):
        assert isinstance(unavailable(of("25006")), RetryableError)
        assert isinstance(unavailable(of("25006")), OperationalError)
        assert not isinstance(unavailable(of("25006")), InterfaceError)
