"""Many handshakes at once let others speak between them."""

from __future__ import annotations

import asyncio
from functools import partial

from webchat.daphne.turns import Turns


async def settled() -> None:
    """Everybody who can go on has done so."""
    for _ in range(20):
        await asyncio.sleep(0)


class TestTurns:
    async def test_are_one_in_a_turn_of_the_loop_and_in_order(self):
        turns = Turns()
        done: list[object] = []
        for number in range(3):
            turns.take(partial(done.append, number))
        seen = []
        while len(done) < 3:
            await asyncio.sleep(0)
            seen.append(list(done))
        assert seen == [[0], [0, 1], [0, 1, 2]]

    async def test_go_on_after_one_that_fails(self):
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda loop, context: told.append(repr(context["exception"]))
        )
        turns = Turns()
        done: list[object] = []
        turns.take(lambda: 1 // 0)
        turns.take(lambda: done.append("next"))
        await settled()
        turns.take(lambda: done.append("later"))
        await settled()
        assert done == ["next", "later"]
        assert len(told) == 1

    async def test_may_ask_for_another(self):
        turns = Turns()
        done: list[object] = []
        turns.take(lambda: turns.take(lambda: done.append("second")))
        await settled()
        assert done == ["second"]
