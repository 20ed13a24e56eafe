"""What has come on a WebSocket and waits for the application: ASGI's `receive`.

In the place of the asyncio.Queue that Daphne makes, whose four deques are 3 KB of each socket that
only listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]


class Inbox:
    """Of one connection; one task takes from it. `frame_taken` is called for each frame taken."""

    __slots__ = ("_frame_taken", "_has_come", "_messages")

    def __init__(self, frame_taken: Callable[[], None]) -> None:
        self._frame_taken = frame_taken
        self._messages: list[Message] = []  # few: see MAX_WAITING_FRAMES
        self._has_come: asyncio.Future[None] | None = None

    def put_nowait(self, message: Message) -> None:
        self._messages.append(message)
        if self._has_come is not None and not self._has_come.done():
            self._has_come.set_result(None)

    async def get(self) -> Message:
        while not self._messages:
            self._has_come = asyncio.get_running_loop().create_future()
            try:
                await self._has_come
            finally:
                self._has_come = None
        message = self._messages.pop(0)
        if message["type"] == "websocket.receive":
            self._frame_taken()
        return message
