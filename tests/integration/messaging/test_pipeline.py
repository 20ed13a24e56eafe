"""Statements that go to PostgreSQL together are still one transaction of Django's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from messaging.models import RelayState
from messaging.pipeline import ask, columns, pipelined, pipelined_transaction, tell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

WAITING = {"_fetch_gen", "_exit_gen", "_sync_gen", "_commit_gen", "_rollback_gen"}


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE pipeline_words (word text UNIQUE NOT NULL)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE pipeline_words")


def add(word: str | None) -> None:
    tell("INSERT INTO pipeline_words VALUES (%b)", [word])


def words() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM pipeline_words ORDER BY word")
        return [word for (word,) in cursor.fetchall()]


@pytest.fixture
def waits(monkeypatch) -> list[str]:
    """What psycopg waits for, by the names of its steps."""
    found: list[str] = []
    wait = type(connection.connection).wait

    def note_and_wait(this: Any, step: Any, *arguments: Any) -> Any:
        if step.__name__ in WAITING:
            found.append(step.__name__)
        return wait(this, step, *arguments)

    monkeypatch.setattr(type(connection.connection), "wait", note_and_wait)
    return found


class TestPipeline:
    def test_gives_rows_of_statements_that_were_sent_together(self):
        with pipelined():
            one, other = ask("SELECT %b::int", [1]), ask("SELECT %b::text", ["a"])
            assert (one.fetchall(), other.fetchall()) == ([(1,)], [("a",)])

    def test_raises_what_a_statement_raises_and_leaves_nothing(self):
        with pytest.raises(IntegrityError), transaction.atomic(), pipelined():
            add("good")
            add(None)
        assert words() == []

    def test_columns_of_no_rows_are_empty(self):
        assert columns([], 2) == [[], []]


class TestTransaction:
    def test_is_committed_at_its_end(self):
        with pipelined_transaction():
            add("good")
        connection.close()
        assert words() == ["good"]

    def test_waits_once_for_what_it_reads_and_once_at_its_end(self, waits):
        with pipelined_transaction():
            assert ask("SELECT 1").fetchall() == [(1,)]
            add("good")
        assert waits == ["_fetch_gen", "_exit_gen"]

    def test_calls_who_waits_for_its_commit_when_others_see_it(self):
        seen: list[list[str]] = []
        with pipelined_transaction():
            add("good")
            transaction.on_commit(lambda: seen.append(words()))
        assert seen == [["good"]]

    def test_is_undone_by_an_error_of_python(self):
        called: list[bool] = []
        with pytest.raises(ZeroDivisionError), pipelined_transaction():
            add("good")
            transaction.on_commit(lambda: called.append(True))
            _ = 1 / 0
        assert (words(), called) == ([], [])

    @pytest.mark.parametrize("reads_after", [False, True], ids=["at its end", "at once"])
    def test_is_undone_by_an_error_of_a_statement(self, reads_after):
        called: list[bool] = []
        with pytest.raises(IntegrityError), pipelined_transaction():
            transaction.on_commit(lambda: called.append(True))
            add("good")
            add("good")
            if reads_after:
                with connection.wrap_database_errors:
                    ask("SELECT 1").fetchall()
        assert (words(), called) == ([], [])

    def test_raises_the_error_of_the_first_statement_that_failed_whenever_it_comes(self):
        raised = set()
        for _ in range(300):
            with pytest.raises(DatabaseError) as caught, pipelined_transaction():
                for word in ("good", "good", "good"):
                    add(word)
            raised.add(caught.type)
        assert raised == {IntegrityError}

    @pytest.mark.parametrize("word", ["good", None], ids=["committed", "undone"])
    def test_leaves_the_connection_as_it_was(self, word):
        try:
            with pipelined_transaction():
                add(word)
        except IntegrityError:
            pass
        with transaction.atomic():
            RelayState.objects.exists()
            transaction.set_rollback(True)
        assert connection.get_autocommit()
        assert connection.connection.autocommit
        assert not {"_commit", "_set_autocommit"} & set(vars(own_connection()))

    def test_may_be_undone_by_the_block_itself(self):
        with pipelined_transaction():
            add("good")
            transaction.set_rollback(True)
        assert words() == []

    def test_is_part_of_the_transaction_around_it(self):
        with transaction.atomic():
            with pipelined_transaction():
                add("good")
            assert words() == ["good"]
            transaction.set_rollback(True)
        assert words() == []

    def test_undoes_only_its_own_part_of_the_transaction_around_it(self):
        with transaction.atomic():
            add("before")
            with pytest.raises(IntegrityError), pipelined_transaction():
                add("before")
            add("after")
        assert words() == ["after", "before"]

    def test_may_hold_savepoints(self):
        with pipelined_transaction():
            add("good")
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                add("bad")
                _ = 1 / 0
        assert words() == ["good"]

    def test_raises_a_lost_connection_and_the_next_one_has_another(self, lose_connection):
        with pytest.raises(Exception, match=r"terminat|closed|lost"), pipelined_transaction():
            add("good")
            lose_connection()
            add("better")
        with pipelined_transaction():
            add("good")
        assert connection.connection.autocommit
        connection.close()
        assert words() == ["good"]


@pytest.fixture
def lose_connection() -> Callable[[], None]:
    from django.db import connections

    def terminate() -> None:
        pid = connection.connection.info.backend_pid
        other = connections.create_connection("default")
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        finally:
            other.close()

    return terminate


def own_connection() -> Any:
    from django.db import connections

    return connections["default"]
