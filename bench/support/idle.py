"""Sockets that only listen, by the thousand: each answers `heads`, as a browser does.

A library's sockets would take more of the machine than the server that is measured.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from bench.support.attackers import SignIn, frame

ALIVE = frame(b'{"type":"ping","request_id":"alive"}')
# As the browser waits before it tries again (chat/static/chat/js/base/backoff.js), in seconds.
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 30.0
# More handshakes at once than this only wait for each other.
OPENING_AT_ONCE = 50


class IdleSocket(asyncio.Protocol):
    """One connection. `welcome` is done at its welcome, and fails when it closes before."""

    def __init__(self, sign_in: SignIn) -> None:
        self.sign_in = sign_in
        self.welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_lost = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        host, key = urlsplit(self.sign_in["url"]).netloc, base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /ws/ HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Origin: http://{host}\r\nCookie: {self.sign_in['cookie']}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        if not self.welcome.done() and b'"type":"welcome"' in data:
            self.welcome.set_result(None)
        if b'"type":"heads"' in data:
            self.transport.write(ALIVE)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_lost = True
        if not self.welcome.done():
            self.welcome.set_exception(error or ConnectionResetError())
            self.welcome.exception()  # looked at, whether or not somebody waits for it


class IdleCrowd:
    """Many of them; `tries` counts how often a connection was tried."""

    def __init__(self, sign_ins: Sequence[SignIn]) -> None:
        self.sign_ins = sign_ins
        self.sockets: list[IdleSocket] = []
        self.tries = 0

    async def open_all(self, *, at_once: int = OPENING_AT_ONCE) -> list[float]:
        """Returns the seconds from the beginning to each welcome, ascending."""
        began, gate = time.monotonic(), asyncio.Semaphore(at_once)

        async def come(sign_in: SignIn) -> float:
            async with gate:
                self.sockets.append(await self._open(sign_in))
                return time.monotonic() - began

        return sorted(await asyncio.gather(*map(come, self.sign_ins)))

    async def _open(self, sign_in: SignIn) -> IdleSocket:
        """Tries until it is welcome, as a browser does."""
        attempt = 0
        while True:
            self.tries += 1
            try:
                return await connect(sign_in)
            except OSError:
                ceiling = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** (attempt + 1))
                await asyncio.sleep(random.uniform(SHORTEST_WAIT, ceiling))
                attempt += 1

    def lost(self) -> int:
        return sum(socket.is_lost for socket in self.sockets)

    def close(self) -> None:
        for socket in self.sockets:
            socket.transport.abort()


async def connect(sign_in: SignIn) -> IdleSocket:
    """Raises OSError when it was refused or closed before its welcome."""
    loop = asyncio.get_running_loop()
    port = urlsplit(sign_in["url"]).port
    assert port is not None
    _, socket = await loop.create_connection(lambda: IdleSocket(sign_in), "127.0.0.1", port)
    await socket.welcome
    return socket
