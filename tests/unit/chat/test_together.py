"""What is asked while one read runs is read together with the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chat.live.together import MAX_TOGETHER, Together
from messaging.away import DatabaseAwayError


class Threads:
    """Reads at once, or when it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def run(self, function: Callable[..., Any], questions: Sequence[int]) -> Any:
        self.groups.append(list(questions))
        await self.may_read.wait()
        return function(questions)


@pytest.fixture
def threads() -> Threads:
    return Threads()


def doubled(questions: Sequence[int]) -> list[int]:
    return [2 * question for question in questions]


async def settled() -> None:
    """Everybody who can go on has done so."""
    for _ in range(10):
        await asyncio.sleep(0)


def asked(together: Together[int, int], *questions: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(together.ask(question)) for question in questions]


class TestTogether:
    async def test_reads_at_once_what_is_asked_alone(self, threads):
        assert await Together(threads, doubled).ask(7) == 14
        assert threads.groups == [[7]]

    async def test_reads_the_others_meanwhile_with_the_next(self, threads):
        together = Together(threads, doubled)
        threads.may_read.clear()
        first = asked(together, 1)
        await settled()
        others = asked(together, 2, 3, 4)
        await settled()
        threads.may_read.set()
        assert await asyncio.gather(*first, *others) == [2, 4, 6, 8]
        assert threads.groups == [[1], [2, 3, 4]]

    async def test_reads_only_so_many_at_once(self, threads):
        together = Together(threads, doubled)
        numbers = range(2 * MAX_TOGETHER + 1)
        answers = await asyncio.gather(*asked(together, *numbers))
        assert answers == doubled(numbers)
        assert [len(group) for group in threads.groups] == [MAX_TOGETHER, MAX_TOGETHER, 1]

    async def test_does_not_read_for_who_has_gone(self, threads):
        together = Together(threads, doubled)
        threads.may_read.clear()
        first, gone, other = (*asked(together, 1), *asked(together, 2), *asked(together, 3))
        await settled()
        threads.groups.clear()
        late, gone_late = asked(together, 4, 5)
        await settled()
        gone.cancel()
        gone_late.cancel()
        await settled()
        threads.may_read.set()
        assert [await one for one in (first, other, late)] == [2, 6, 8]
        assert threads.groups == [[4]]


class TestWhatFails:
    async def test_holds_nobody_else_back(self, threads):
        def read(questions: Sequence[int]) -> list[int]:
            if 2 in questions:
                raise ValueError("two")
            return doubled(questions)

        together = Together(threads, read)
        answers = await asyncio.gather(*asked(together, 1, 2, 3), return_exceptions=True)
        assert [repr(answer) for answer in answers] == ["2", "ValueError('two')", "6"]
        assert await together.ask(4) == 8

    async def test_for_want_of_a_database_is_tried_once_and_told_to_all(self, threads):
        def read(questions: Sequence[int]) -> list[int]:
            raise DatabaseAwayError

        answers = await asyncio.gather(
            *asked(Together(threads, read), 1, 2, 3), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [DatabaseAwayError] * 3
        assert threads.groups == [[1, 2, 3]]
