"""What a healer doubts it compares, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chat.live.hub import healing
from chat.live.hub.healing import Healer
from chat.live.hub.rooms import Room
from messaging.away import DatabaseAwayError


class Hub:
    """One room, of chat 1."""

    def __init__(self) -> None:
        self.rooms = {1: Room(1)}
        self.heard: list[tuple[int, int]] = []

    def hear_of(self, chat_id: int, revision: int) -> None:
        self.heard.append((chat_id, revision))

    def note(self, room: Room) -> None: ...


class Threads:
    """A database whose answers are these, in turn; an answer may be an error."""

    def __init__(self, *answers: Callable[[], dict[int, int]]) -> None:
        self._answers = iter(answers)

    async def run(self, function: object, chat_ids: set[int]) -> dict[int, int]:
        return next(self._answers)()


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(healing, "LOOK_SECONDS", 0)
    monkeypatch.setattr(healing, "AFTER_FAULT_SECONDS", 0)


async def run(healer: Healer, *, until: Callable[[], object]) -> None:
    running = asyncio.create_task(healer.run())
    async with asyncio.timeout(10):
        while not until():  # noqa: ASYNC110  (of things that announce nothing)
            await asyncio.sleep(0)
    running.cancel()


class TestDoubt:
    async def test_is_of_what_is_written_after_a_comparison_has_begun(self):
        hub = Hub()

        def doubted_meanwhile() -> dict[int, int]:
            healer.doubt([1])
            return {1: 5}

        threads: Any = Threads(doubted_meanwhile, lambda: {1: 6})
        healer = Healer(hub, threads)
        healer.doubt([1])
        await run(healer, until=lambda: len(hub.heard) == 2)
        assert hub.heard == [(1, 5), (1, 6)]

    async def test_outlives_a_database_that_is_away(self):
        def away() -> dict[int, int]:
            raise DatabaseAwayError

        hub = Hub()
        threads: Any = Threads(away, lambda: {1: 5})
        healer = Healer(hub, threads)
        healer.doubt([1])
        await run(healer, until=lambda: hub.heard)
        assert hub.heard == [(1, 5)]

    async def test_is_of_chats_that_have_rooms(self):
        hub = Hub()
        threads: Any = Threads(lambda: {1: 5})
        healer = Healer(hub, threads)
        healer.doubt([2])
        await run(healer, until=lambda: not healer._doubted)
        assert hub.heard == []
