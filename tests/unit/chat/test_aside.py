"""Posts whose chats somebody has locked wait aside, in their order, and hold nobody back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from chat.errors import UnavailableError
from chat.live import aside
from chat.live.poster import Poster
from chat.services.posting.posts import NewPost
from messaging.away import DatabaseBusyError

PATIENCE = 5.0
STUCK, FREE = 1, 2


class Database:
    """Takes the batches down; one with a post of a locked chat waits in vain."""

    def __init__(self) -> None:
        self.locked: set[int] = set()
        self.refused: set[str] = set()
        self.saved: list[tuple[int, str]] = []
        self.tries = 0

    def post_messages(self, posts: list[NewPost]) -> list[Any]:
        self.tries += 1
        if self.locked & {post.chat_id for post in posts}:
            raise DatabaseBusyError
        if self.refused & {post.content for post in posts}:
            raise ValueError
        self.saved += [(post.chat_id, post.content) for post in posts]
        return list(posts)

    def words(self, chat_id: int) -> list[str]:
        return [content for chat, content in self.saved if chat == chat_id]


@pytest.fixture
def database(monkeypatch) -> Database:
    made = Database()
    monkeypatch.setattr("chat.live.saving.post_messages", made.post_messages)
    monkeypatch.setattr(aside, "let_go_of_database", lambda: None)
    return made


@pytest.fixture
async def poster(database) -> AsyncIterator[Poster]:
    started = Poster()
    yield started
    database.locked.clear()
    await started.close()


def submit(poster: Poster, chat_id: int, *words: str) -> list[asyncio.Future[Any]]:
    """Each is done with its outcome."""
    told: list[asyncio.Future[Any]] = []
    for word in words:
        told.append(asyncio.get_running_loop().create_future())
        poster.submit(NewPost(chat_id, 1, uuid4(), word), told[-1].set_result)
    return told


async def outcomes(told: list[asyncio.Future[Any]]) -> list[Any]:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*told)


async def until_tried_again(database: Database) -> None:
    """By whoever waits aside."""
    before = database.tries
    async with asyncio.timeout(PATIENCE):
        while database.tries < before + 3:  # noqa: ASYNC110  (it announces nothing)
            await asyncio.sleep(0.01)


class TestALockedChat:
    async def test_holds_no_post_of_another_back(self, poster, database):
        database.locked.add(STUCK)
        waiting = submit(poster, STUCK, "a")
        await outcomes(submit(poster, FREE, "b", "c"))
        await until_tried_again(database)
        await outcomes(submit(poster, FREE, "d"))
        assert database.words(FREE) == ["b", "c", "d"]
        assert not any(one.done() for one in waiting)

    async def test_gets_its_posts_in_their_order_when_it_is_free(self, poster, database):
        database.locked.add(STUCK)
        waiting = submit(poster, STUCK, "a", "b")
        await until_tried_again(database)
        waiting += submit(poster, STUCK, "c")
        await outcomes(submit(poster, FREE, "x"))
        database.locked.clear()
        waiting += submit(poster, STUCK, "d")
        await outcomes(waiting)
        assert database.words(STUCK) == ["a", "b", "c", "d"]

    async def test_is_free_for_the_next_post_at_once_afterwards(self, poster, database):
        database.locked.add(STUCK)
        waiting = submit(poster, STUCK, "a")
        await until_tried_again(database)
        database.locked.clear()
        await outcomes(waiting)
        await outcomes(submit(poster, STUCK, "b"))
        assert database.words(STUCK) == ["a", "b"]

    async def test_keeps_the_order_of_posts_that_are_tried_one_by_one(self, poster, database):
        """One of the batch is refused for itself, and then the chat is locked."""
        database.refused.add("poison")
        save = database.post_messages

        def lock_after_the_batch(posts: list[NewPost]) -> list[Any]:
            if len(posts) == 1 and posts[0].content == "a":
                database.locked.add(STUCK)
            return save(posts)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("chat.live.saving.post_messages", lock_after_the_batch)
            waiting = submit(poster, STUCK, "a", "poison", "b")
            await until_tried_again(database)
            patched.setattr("chat.live.saving.post_messages", save)
            database.locked.clear()
            told = await outcomes(waiting)
        assert database.words(STUCK) == ["a", "b"]
        assert [isinstance(outcome, UnavailableError) for outcome in told] == [False, True, False]

    async def test_is_told_as_unavailable_in_the_end(self, poster, database, monkeypatch, caplog):
        monkeypatch.setattr(aside, "MAX_SECONDS", 0)
        database.locked.add(STUCK)
        with caplog.at_level(logging.WARNING):
            (outcome,) = await outcomes(submit(poster, STUCK, "a"))
        assert isinstance(outcome, UnavailableError)
        assert [(record.msg, record.chat_id) for record in caplog.records] == [
            ("a chat is locked by somebody", STUCK),
            ("posts waited too long for the lock of their chat", STUCK),
        ]

    async def test_that_was_given_up_is_not_tried_where_others_would_wait(
        self, poster, database, monkeypatch
    ):
        monkeypatch.setattr(aside, "MAX_SECONDS", 0)
        database.locked.add(STUCK)
        await outcomes(submit(poster, STUCK, "a"))
        batches: list[set[int]] = []
        save = database.post_messages

        def note(posts: list[NewPost]) -> list[Any]:
            batches.append({post.chat_id for post in posts})
            return save(posts)

        monkeypatch.setattr("chat.live.saving.post_messages", note)
        await outcomes([*submit(poster, STUCK, "b"), *submit(poster, FREE, "c")])
        assert batches.count({STUCK, FREE}) == 0

    async def test_is_said_to_be_free_again(self, poster, database, monkeypatch, caplog):
        monkeypatch.setattr(aside, "MAX_SECONDS", 0)
        database.locked.add(STUCK)
        await outcomes(submit(poster, STUCK, "a"))
        database.locked.clear()
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            await outcomes(submit(poster, STUCK, "b"))
        assert [record.msg for record in caplog.records] == ["a chat is no longer locked"]

    async def test_counts_among_what_waits(self, poster, database, monkeypatch):
        monkeypatch.setattr("chat.live.poster.MAX_WAITING", 1)
        database.locked.add(STUCK)
        submit(poster, STUCK, "a")
        await until_tried_again(database)
        with pytest.raises(UnavailableError):
            submit(poster, FREE, "b")

    async def test_is_waited_for_by_who_drains(self, poster, database):
        database.locked.add(STUCK)
        (waiting,) = submit(poster, STUCK, "a")
        await until_tried_again(database)
        draining = asyncio.create_task(poster.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        database.locked.clear()
        async with asyncio.timeout(PATIENCE):
            await draining
        assert waiting.done()
