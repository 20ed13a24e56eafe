"""Who reads gives way to the batch of messages that is being written."""

from __future__ import annotations

import asyncio
import threading
import uuid

import pytest
from django.db import connection, transaction

from chat.database.threads import DATABASE_AWAY, DatabaseThreads, GivesWay
from chat.errors import ChatError, NotFoundError, UnavailableError
from chat.live.poster import Poster
from chat.models import User
from chat.services.posting.posts import NewPost
from messaging import outages
from messaging.away import DatabaseAwayError, DatabaseBusyError
from tests.support.people import Clock, outcome_of

pytestmark = [pytest.mark.embedded, pytest.mark.django_db(transaction=True)]


class Written(threading.Event):
    """Is never set: a batch after the other is being written. Notes for how long it was asked."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        super().__init__()
        self.waited: list[float] = []
        self._clock, self._seconds = clock, seconds

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waited.append(timeout)
        self._clock.move(min(self._seconds, timeout))
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(0.0)
    monkeypatch.setattr("chat.database.threads.monotonic", clock)
    return clock


def ask(times: int = 1) -> None:
    for _ in range(times):
        User.objects.exists()


@pytest.fixture
def reading():
    made: list[DatabaseThreads] = []

    def through(may_read: threading.Event) -> DatabaseThreads:
        made.append(DatabaseThreads("reader", size=1, may_read=may_read))
        return made[-1]

    yield through
    for each in made:
        each.close()


class TestReading:
    async def test_waits_before_each_query_but_no_longer_than_it_may_in_all(self, reading, clock):
        written = Written(clock, seconds=0.015)
        await reading(written).run(ask, 4)
        assert written.waited == pytest.approx([0.02, 0.005])

    async def test_of_each_call_may_wait_anew(self, reading, clock):
        written = Written(clock, seconds=1)
        calls = reading(written)
        for _ in range(2):
            await calls.run(ask, 2)
        assert written.waited == [GivesWay.MAX_SECONDS] * 2

    async def test_never_waits_within_a_transaction_whose_locks_others_may_want(
        self, reading, clock
    ):
        written = Written(clock, seconds=1)

        def in_transaction() -> None:
            with transaction.atomic():
                written.waited.clear()
                ask(2)

        await reading(written).run(in_transaction)
        assert written.waited == []

    async def test_goes_on_at_once_while_nothing_is_written(self, reading):
        may_read = threading.Event()
        may_read.set()
        may_read.wait = lambda timeout=None: pytest.fail("waited")  # type: ignore[method-assign]
        await reading(may_read).run(ask)


class TestWriting:
    POST = NewPost(chat_id=1, sender_id=1, client_message_id=uuid.uuid4(), content="x")

    async def test_is_what_reading_gives_way_to(self, monkeypatch):
        poster = Poster()
        seen: list[bool] = []

        def save(posts: list[NewPost]) -> list[ChatError]:
            seen.append(poster.rests.is_set())
            return [NotFoundError() for _ in posts]

        monkeypatch.setattr("chat.live.saving.post_messages", save)
        assert poster.rests.is_set()
        await outcome_of(poster, self.POST)
        await poster.close()
        assert seen == [False]
        assert poster.rests.is_set()

    async def test_that_fails_gives_it_back(self, monkeypatch):
        poster = Poster()
        monkeypatch.setattr("chat.live.saving.post_messages", lambda posts: 1 / 0)
        assert isinstance(await outcome_of(poster, self.POST), UnavailableError)
        await poster.close()
        assert poster.rests.is_set()


class TestAConnection:
    @pytest.fixture
    async def threads(self):
        threads = DatabaseThreads("reader", size=1)
        yield threads
        await asyncio.to_thread(threads.close)

    async def test_stays_with_its_thread(self, threads):
        assert await threads.run(this_connection) is await threads.run(this_connection)

    async def test_is_made_again_where_others_have_found_the_database_away(
        self, threads, monkeypatch
    ):
        """It may lead to a server that only reads, for as long as it lasts."""
        monkeypatch.setattr("chat.database.threads.CONNECTION_KEPT_SECONDS", 0.0)
        before = await threads.run(this_connection)
        outages.DATABASE.failed("it is read-only (25006)")
        after = await threads.run(this_connection)
        assert after is not before
        assert await threads.run(this_connection) is after

    async def test_is_made_once_a_second_at_most_while_that_goes_on(self, threads, clock):
        before = await threads.run(this_connection)
        outages.DATABASE.failed("it is read-only (25006)")
        assert await threads.run(this_connection) is before
        outages.DATABASE.failed_at = clock.now = 1.0
        assert await threads.run(this_connection) is not before

    @pytest.mark.parametrize("error", [DatabaseAwayError, DatabaseBusyError])
    async def test_is_dropped_for_a_database_that_is_away_and_kept_for_one_that_is_busy(
        self, threads, error
    ):
        def fail() -> None:
            raise error("not now")

        before = await threads.run(this_connection)
        with pytest.raises(error):
            await threads.run(fail)
        assert (await threads.run(this_connection) is before) is (error is DatabaseBusyError)


def this_connection() -> object:
    connection.ensure_connection()
    return connection.connection


class TestThreads:
    async def test_that_have_ended_are_as_a_database_that_is_away(self):
        threads = DatabaseThreads("ended", size=1)
        await asyncio.to_thread(threads.close)
        with pytest.raises(DATABASE_AWAY):
            await threads.run(print)
