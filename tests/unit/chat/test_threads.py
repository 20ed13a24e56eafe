"""Who reads takes turns; nobody is kept waiting for long by one of them."""

from __future__ import annotations

import asyncio

import pytest

from chat.database.threads import OneByOne


class Reader:
    """Stays in its turn until it is told to go on."""

    def __init__(self, name: str, turns: OneByOne, began: list[str]) -> None:
        self.name, self.turns, self.began = name, turns, began
        self.has_begun, self.goes_on = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self.read())

    async def read(self) -> None:
        async with self.turns.turn():
            self.began.append(self.name)
            self.has_begun.set()
            await self.goes_on.wait()

    async def begins(self) -> None:
        await asyncio.wait_for(self.has_begun.wait(), 10)


@pytest.fixture
def began() -> list[str]:
    return []


async def settled() -> None:
    """Everybody who can go on has done so."""
    for _ in range(10):
        await asyncio.sleep(0)


class TestTurns:
    @pytest.fixture
    def patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(OneByOne, "MAX_SECONDS", 3600)

    @pytest.mark.usefixtures("patient")
    async def test_come_in_the_order_in_which_they_were_asked_for(self, began):
        turns = OneByOne()
        readers = [Reader(name, turns, began) for name in ("ann", "bob", "carol")]
        for number, reader in enumerate(readers, start=1):
            await reader.begins()
            await settled()
            assert began == ["ann", "bob", "carol"][:number]
            reader.goes_on.set()
        await asyncio.gather(*(reader.task for reader in readers))

    @pytest.mark.usefixtures("patient")
    async def test_go_on_after_those_who_left(self, began):
        turns = OneByOne()
        ann = Reader("ann", turns, began)
        waiting, bob = Reader("waiting", turns, began), Reader("bob", turns, began)
        await ann.begins()
        waiting.task.cancel()
        ann.task.cancel()
        await bob.begins()
        assert began == ["ann", "bob"]
        bob.goes_on.set()
        await bob.task

    async def test_do_not_let_a_slow_one_keep_the_others_waiting(self, began, monkeypatch):
        monkeypatch.setattr(OneByOne, "MAX_SECONDS", 0.01)
        turns = OneByOne()
        slow, bob = Reader("slow", turns, began), Reader("bob", turns, began)
        await bob.begins()
        monkeypatch.setattr(OneByOne, "MAX_SECONDS", 3600)
        carol, dan = Reader("carol", turns, began), Reader("dan", turns, began)
        bob.goes_on.set()
        await carol.begins()
        # The slow one's end is nobody's turn: it lets nobody begin.
        slow.goes_on.set()
        await slow.task
        await settled()
        assert began == ["slow", "bob", "carol"]
        for reader in (carol, dan):
            reader.goes_on.set()
            await reader.task
