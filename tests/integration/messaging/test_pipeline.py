"""Statements that go to PostgreSQL together are still one transaction of Django's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from messaging.away import DatabaseAwayError
from messaging.models import RelayState
from messaging.pipeline.binary import texts
from messaging.pipeline.transactions import ask, pipelined_transaction, rows_of, tell
from messaging.pipeline.trips import Trips

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE pipeline_words (word text UNIQUE NOT NULL)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE pipeline_words")


def add(word: str | None) -> None:
    tell("INSERT INTO pipeline_words VALUES ($1)", None if word is None else word.encode())


def words() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT word FROM pipeline_words ORDER BY word")
        return [word for (word,) in cursor.fetchall()]


@pytest.fixture
def waits(monkeypatch) -> list[int]:
    """How many statements were waited for, each time."""
    found: list[int] = []
    take_results = Trips._take_results

    def note_and_take(trips: Trips, under_way: Any) -> Any:
        found.append(len(under_way))
        return take_results(trips, under_way)

    monkeypatch.setattr(Trips, "_take_results", note_and_take)
    return found


class TestStatements:
    def test_that_were_sent_together_have_their_own_rows(self):
        with pipelined_transaction():
            one, other = ask("SELECT 1"), ask("SELECT unnest($1::text[])", texts(["a", "b"]))
            assert (rows_of(one), rows_of(other)) == ([(1,)], [("a",), ("b",)])

    def test_outside_of_a_transaction_are_carried_out_at_once(self):
        add("good")
        assert words() == ["good"]

    def test_in_an_ordinary_transaction_raise_at_once(self):
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                add(None)
            add("good")
        assert words() == ["good"]

    def test_are_carried_out_before_what_the_orm_sends_after_them(self):
        with pipelined_transaction():
            add("good")
            assert words() == ["good"]

    def test_come_after_what_the_orm_sent_before_them(self):
        with pipelined_transaction():
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO pipeline_words VALUES ('good')")
            assert rows_of(ask("SELECT word FROM pipeline_words")) == [("good",)]

    def test_that_failed_once_work_again(self):
        for _ in range(2):
            with pytest.raises(IntegrityError), pipelined_transaction():
                add(None)
        add("good")
        assert words() == ["good"]

    @pytest.mark.parametrize("change", ["DEALLOCATE ALL", "DISCARD ALL"])
    def test_are_prepared_again_when_the_connection_has_forgotten_them(self, change):
        """A pooler between us and PostgreSQL may give us another of its connections."""
        add("good")
        with connection.cursor() as cursor:
            cursor.execute(change)
        with pytest.raises(DatabaseError):
            add("better")
        add("better")
        assert words() == ["better", "good"]

    def test_are_prepared_again_when_their_table_has_changed(self):
        read = "SELECT * FROM pipeline_words"
        add("good")
        assert rows_of(ask(read)) == [("good",)]
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE pipeline_words ADD COLUMN length int")
        with pytest.raises(DatabaseError):
            ask(read)
        assert rows_of(ask(read)) == [("good", None)]

    def test_may_be_larger_than_what_the_connection_takes_at_once(self):
        sizes = [3_000_000, 2_000_000, 1_000_000]
        query = "SELECT word, length(word) FROM unnest($1::text[]) AS given(word)"
        with pipelined_transaction():
            asked = [ask(query, texts(["x" * size])) for size in sizes]
            assert [rows_of(one) for one in asked] == [[("x" * size, size)] for size in sizes]

    def test_of_an_interrupted_wait_leave_no_connection_that_answers_for_them(self, monkeypatch):
        def interrupt(*_arguments: Any) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), pipelined_transaction():
            monkeypatch.setattr(Trips, "_results", interrupt)
            rows_of(ask("SELECT 1"))
        monkeypatch.undo()
        with pipelined_transaction():
            assert rows_of(ask("SELECT 2")) == [(2,)]


class TestTransaction:
    def test_is_committed_at_its_end(self):
        with pipelined_transaction():
            add("good")
        connection.close()
        assert words() == ["good"]

    def test_waits_once_for_what_it_reads_and_once_at_its_end(self, waits):
        with pipelined_transaction():
            assert rows_of(ask("SELECT 1")) == [(1,)]
            add("good")
        with pipelined_transaction():
            assert rows_of(ask("SELECT 1")) == [(1,)]
            add("better")
        assert waits[2:] == [2, 2]  # BEGIN and SELECT, INSERT and COMMIT

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
                rows_of(ask("SELECT 1"))
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
        with pytest.raises(DatabaseAwayError), pipelined_transaction():
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
