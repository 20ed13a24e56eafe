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

PATIENCE = 10.0


@pytest.fixture
def sizes(monkeypatch) -> list[int]:
    """Of the batches; nothing is saved."""
    found: list[int] = []

    def save(posts: list[NewPost]) -> list[Any]:
        found.append(len(posts))
        return list(posts)

    monkeypatch.setattr(posting, "post_messages", save)
    return found


@pytest.fixture
async def poster(sizes) -> AsyncIterator[Poster]:
    started = Poster()
    yield started
    await started.close()


@pytest.fixture
def for_ever(monkeypatch):
    """Whoever gathers for as long as it may never comes to an end."""
    monkeypatch.setattr(posting, "MAX_GATHER_SECONDS", 3600.0)
    monkeypatch.setattr(posting, "GATHER_PER_BATCH", 1e9)


def submit(poster: Poster, number: int) -> asyncio.Future[None]:
    """Done when each of so many posts has its outcome."""
    left = number
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def reply(outcome: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set_result(None)

    for _ in range(number):
        poster.submit(NewPost(1, 1, uuid4(), "Hello"), reply)
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

    async def test_begins_at_once_after_a_small_one(self, poster, sizes, for_ever):
        await saved(submit(poster, BUSY_BATCH - 1))
        await saved(submit(poster, 1))
        assert sizes == [BUSY_BATCH - 1, 1]

    async def test_gathers_after_a_busy_one_until_as_many_wait(self, poster, sizes, for_ever):
        await saved(submit(poster, BUSY_BATCH))
        await saved(submit(poster, 3), submit(poster, BUSY_BATCH - 3))
        assert sizes == [BUSY_BATCH, BUSY_BATCH]

    async def test_gathers_no_longer_when_the_process_ends(self, poster, sizes, for_ever):
        await saved(submit(poster, BUSY_BATCH))
        last = submit(poster, 1)
        async with asyncio.timeout(PATIENCE):
            await poster.drain()
        assert (last.done(), sizes) == (True, [BUSY_BATCH, 1])

    async def test_goes_with_fewer_when_its_time_is_up(self, poster, sizes, monkeypatch):
        monkeypatch.setattr(posting, "MAX_GATHER_SECONDS", 0.01)
        await saved(submit(poster, BUSY_BATCH))
        await saved(submit(poster, 1))
        assert sizes == [BUSY_BATCH, 1]
