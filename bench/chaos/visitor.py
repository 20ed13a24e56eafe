"""Somebody's socket, which breaks and is opened again, to either web process. Knows no frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio import client as websockets
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

Line = dict[str, Any]
SHORTEST_WAIT, LONGEST_WAIT = 0.1, 2.0  # seconds before coming back; as long before trying again
OPENING_SECONDS, PING_SECONDS = 5.0, 5.0


class Visitor:
    """`take` is called with each line that comes. A connection counts, in `connection`, once
    there was a welcome on it: whoever takes the lines says so."""

    def __init__(self, cookie: str, addresses: Sequence[str], chance: Random) -> None:
        self.is_welcome = False
        self.connection = 0
        self.cookie, self._addresses, self._chance = cookie, list(addresses), chance
        self._out: asyncio.Queue[Line] = asyncio.Queue()
        self._socket: websockets.ClientConnection | None = None
        self._life: asyncio.Task[None] | None = None

    def take(self, line: Line) -> None:
        raise NotImplementedError

    def is_gone(self) -> None:
        """Called when a connection has ended."""
        self.is_welcome = False

    def say(self, kind: str, request_id: str | None, **fields: Any) -> None:
        """To nobody, while there is no connection."""
        if self.is_welcome:
            self._out.put_nowait({"type": kind, "request_id": request_id, **fields})

    def come(self) -> None:
        self._life = asyncio.create_task(self._stay())

    async def leave(self) -> None:
        if self._life is not None:
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await self._life

    async def _stay(self) -> None:
        tries = 0
        while True:
            before = self.connection
            with suppress(OSError, WebSocketException, TimeoutError, EOFError):
                await self._visit()
            self.is_gone()
            tries = 0 if self.connection > before else tries + 1
            ceiling = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** (tries + 1))
            await asyncio.sleep(self._chance.uniform(SHORTEST_WAIT, ceiling))

    async def _visit(self) -> None:
        url = self._chance.choice(self._addresses)
        async with websockets.connect(
            url,
            origin=Origin(f"http://{urlsplit(url).netloc}"),
            additional_headers={"Cookie": self.cookie},
            max_size=None,
            compression=None,
            open_timeout=OPENING_SECONDS,
            close_timeout=1,
            ping_interval=PING_SECONDS,
            ping_timeout=PING_SECONDS,
        ) as self._socket:
            self._out = asyncio.Queue()
            speaking = asyncio.create_task(self._speak(self._socket))
            try:
                async for frame in self._socket:
                    for line in map(json.loads, str(frame).split("\n")):
                        self.take(line)
            finally:
                speaking.cancel()

    async def _speak(self, socket: websockets.ClientConnection) -> None:
        with suppress(WebSocketException):
            while True:
                await socket.send(json.dumps(await self._out.get()))

    def go_for_a_moment(self) -> None:
        """As when a telephone loses its network: no word of it to the server."""
        if self._socket is not None:
            self._socket.transport.abort()
