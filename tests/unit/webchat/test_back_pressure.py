"""An answer in parts is read on only as fast as it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from webchat.daphne.back_pressure import BackPressure
from webchat.daphne.offers import WHEN_TAKEN

PARTS = 5


async def in_parts(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    for number in range(PARTS):
        part = {"type": "http.response.body", "body": b"x", "more_body": number < PARTS - 1}
        await send(part)


class Client:
    """Takes a part when it is told to."""

    def __init__(self, *, is_full: bool) -> None:
        self.is_full = is_full
        self.sent: list[dict[str, Any]] = []
        self.waiting: asyncio.Queue[Callable[[], None]] = asyncio.Queue()

    def when_taken(self, go_on: Callable[[], None]) -> bool:
        if self.is_full:
            self.waiting.put_nowait(go_on)
        return not self.is_full

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def answer(self) -> asyncio.Task[None]:
        scope = {"type": "http", WHEN_TAKEN: self.when_taken}
        return asyncio.create_task(BackPressure(in_parts)(scope, None, self.send))


class TestAnswer:
    async def test_waits_for_each_part_to_be_taken(self):
        client = Client(is_full=True)
        answer = client.answer()
        for count in range(1, PARTS):
            go_on = await asyncio.wait_for(client.waiting.get(), 10)
            assert len(client.sent) == count + 1
            go_on()
        await answer
        # Nothing comes after the last one: it is waited for by nobody.
        assert len(client.sent) == PARTS + 1
        assert client.waiting.empty()

    async def test_waits_for_nothing_when_there_is_room(self):
        client = Client(is_full=False)
        await client.answer()
        assert len(client.sent) == PARTS + 1

    async def test_of_another_server_goes_as_it_is(self):
        client = Client(is_full=True)
        await BackPressure(in_parts)({"type": "http"}, None, client.send)
        assert len(client.sent) == PARTS + 1
