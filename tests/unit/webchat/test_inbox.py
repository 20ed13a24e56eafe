"""What comes on a WebSocket reaches the application once and in order, with little kept beside."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from typing import Any

from webchat.daphne.inbox import Inbox
from webchat.daphne.offers import INBOX, TakingFromInbox


def message(text: str) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": text}


class TestInbox:
    async def test_gives_what_has_come_in_its_order(self):
        inbox = Inbox(lambda: None)
        for text in "abc":
            inbox.put_nowait(message(text))
        assert [(await inbox.get())["text"] for _ in "abc"] == ["a", "b", "c"]

    async def test_waits_for_what_has_not_come_yet(self):
        inbox = Inbox(lambda: None)
        taking = asyncio.create_task(inbox.get())
        await asyncio.sleep(0)
        inbox.put_nowait(message("a"))
        inbox.put_nowait(message("b"))
        assert await asyncio.wait_for(taking, 10) == message("a")
        assert await asyncio.wait_for(inbox.get(), 10) == message("b")

    async def test_loses_nothing_when_who_waits_is_cancelled(self):
        inbox = Inbox(lambda: None)
        taking = asyncio.create_task(inbox.get())
        await asyncio.sleep(0)
        taking.cancel()
        inbox.put_nowait(message("a"))
        with contextlib.suppress(asyncio.CancelledError):
            await taking
        assert await asyncio.wait_for(inbox.get(), 10) == message("a")

    async def test_tells_of_each_frame_when_it_is_taken_and_of_nothing_else(self):
        told: list[None] = []
        inbox = Inbox(lambda: told.append(None))
        for each in ({"type": "websocket.connect"}, message("a"), message("b")):
            inbox.put_nowait(each)
        counts = []
        for _ in range(3):
            await inbox.get()
            counts.append(len(told))
        assert counts == [0, 1, 2]


class Queue:
    """Stands for the one that Daphne made."""

    async def get(self) -> Any:
        raise AssertionError("nothing comes here")


class TestTakingFromInbox:
    async def test_lets_go_of_the_queue_that_the_server_made(self):
        heard: list[Any] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            heard.append((scope, await receive()))

        inbox, queue = Inbox(lambda: None), Queue()
        gone = weakref.ref(queue)
        answer = TakingFromInbox(application)({INBOX: inbox}, queue.get, None)
        del queue
        gc.collect()
        assert gone() is None
        inbox.put_nowait(message("a"))
        await answer
        assert heard == [({}, message("a"))]

    async def test_without_one_takes_from_the_server(self):
        heard: list[Any] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            heard.append(await receive())

        async def receive() -> str:
            return "body"

        await TakingFromInbox(application)({"type": "http"}, receive, None)
        assert heard == ["body"]
