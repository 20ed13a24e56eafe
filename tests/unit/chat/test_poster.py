"""When a batch of posts begins, and with how many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from chat.live import poster as posting
from chat.live.poster import BUSY_BATCH, Poster
from chat.services.posting.posts import NewPost
from messaging import outages
from messaging.away import DatabaseAwayError, DatabaseBusyError

PATIENCE = 5.0
LOCKED = 7


@pytest.fixture
def sizes(monkeypatch) -> list[int]:
    """Of the batches; nothing is saved."""
    found: list[int] = []

    def save(posts: list[NewPost]) -> list[Any]:
        found.append(len(posts))
        return list(posts)

    monkeypatch.setattr("chat.live.saving.post_messages", save)
    return found


@pytest.fixture
async def poster(sizes) -> AsyncIterator[Poster]:
    started = Poster()
    yield started
    await started.close()


@pytest.fixture
def for_long(monkeypatch):
    """Whoever gathers does so for longer than anybody waits here."""
    monkeypatch.setattr(posting, "MAX_GATHER_SECONDS", 2 * PATIENCE)
    monkeypatch.setattr(posting, "GATHER_PER_BATCH", 1e9)


def submit(poster: Poster, number: int, *, chat_id: int = 1) -> asyncio.Future[None]:
    """Done when each of so many posts has its outcome."""
    left = number
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def reply(outcome: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set_result(None)

    for _ in range(number):
        poster.submit(NewPost(chat_id, 1, uuid4(), "Hello"), reply)
    return done


async def saved(*posts: asyncio.Future[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*posts)


class TestBatch:
    async def test_begins_with_all_posts_of_its_moment(self, poster, sizes):
        posts = []
        for _ in range(3):  # each is read in another turn of the loop
            posts.append(submit(poster, 1))
            await asyncio.sleep(0)
        await saved(*posts)
        assert sizes == [3]

    async def test_begins_at_once_after_a_small_one(self, poster, sizes, for_long):
        await saved(submit(poster, BUSY_BATCH - 1))
        await saved(submit(poster, 1))
        assert sizes == [BUSY_BATCH - 1, 1]

    async def test_gathers_after_a_busy_one(self, poster, sizes, monkeypatch):
        gathered = asyncio.Event()
        pause = asyncio.sleep

        async def until_told(seconds: float) -> None:
            await (gathered.wait() if seconds else pause(0))

        monkeypatch.setattr("chat.live.poster.asyncio.sleep", until_told)
        await saved(submit(poster, BUSY_BATCH))
        one = submit(poster, 1)
        for _ in range(20):
            await pause(0)
        two = submit(poster, 1)
        gathered.set()
        await saved(one, two)
        assert sizes == [BUSY_BATCH, 2]


class TestADatabaseThatIsUnavailable:
    async def test_is_asked_once_for_a_batch_while_it_is_away(self, poster, monkeypatch, caplog):
        asked: list[int] = []

        def save(posts: list[NewPost]) -> list[Any]:
            asked.append(len(posts))
            raise DatabaseAwayError("The database is away: it is read-only (25006)")

        monkeypatch.setattr("chat.live.saving.post_messages", save)
        await saved(submit(poster, 3))
        assert asked == [3]
        assert caplog.records == []  # it was said where it was found

    async def test_that_keeps_one_chat_waiting_is_no_outage(self, poster, monkeypatch, caplog):
        asked: list[int] = []
        is_locked = True

        def save(posts: list[NewPost]) -> list[Any]:
            asked.append(len(posts))
            if is_locked and any(post.chat_id == LOCKED for post in posts):
                raise DatabaseBusyError("The database kept it waiting: LockNotAvailable")
            return list(posts)

        monkeypatch.setattr("chat.live.saving.post_messages", save)
        monkeypatch.setattr("chat.live.aside.let_go_of_database", lambda: None)
        waiting = submit(poster, 1, chat_id=LOCKED)
        await saved(submit(poster, 2))
        assert asked[:3] == [3, 1, 2]
        is_locked = False
        await saved(waiting)
        assert caplog.records[0].message == "a chat is locked by somebody"
        assert not outages.DATABASE.is_going_on
