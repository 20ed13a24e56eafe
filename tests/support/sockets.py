"""A browser's side of the wire contract, on Channels' test client: one JSON object per line.

async with connected(cookie) as socket:
    socket.welcome ... await socket.ask("message.send", ...) ... await socket.next("typing")
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

from channels.testing import WebsocketCommunicator

from chat.live.routing import websocket_application
from tests.support.processes import PATIENCE

Line = dict[str, Any]
DEADLINE_SECONDS = 10.0  # times PATIENCE, as all deadlines here
HOST = "testserver"


class Closed(Exception):
    """Raised when the server has closed the socket; its code is what browsers see."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class ChatSocket:
    """`lines` holds what has come and was not asked for yet; `frames` counts how it came."""

    def __init__(
        self,
        cookie: str | None = None,
        *,
        origin: str | None = f"http://{HOST}",
        headers: list[tuple[bytes, bytes]] | None = None,
        application: Any = websocket_application,
    ) -> None:
        given = [(b"host", HOST.encode())] if headers is None else list(headers)
        if origin is not None:
            given.append((b"origin", origin.encode()))
        if cookie is not None:
            given.append((b"cookie", cookie.encode()))
        self.communicator = WebsocketCommunicator(application, "/ws/", headers=given)
        self.lines: list[Line] = []
        self.seen: list[Line] = []
        self.frames = 0
        self.close_code: int | None = None
        self.welcome: Line = {}
        self._numbers = itertools.count(1)
        self._coming: asyncio.Task[Any] | None = None

    # Connecting

    async def open(self) -> ChatSocket:
        await self.shake_hands()
        first = await self._any_line()
        assert first["type"] == "welcome", f"the first line is {first}"
        self.welcome = self.lines.pop(0)
        return self

    async def shake_hands(self) -> None:
        """Raises Closed when the handshake is refused."""
        await self.communicator.send_input({"type": "websocket.connect"})
        message = await self._output(DEADLINE_SECONDS * PATIENCE)
        if message["type"] == "websocket.close":
            raise Closed(message.get("code", 1000))
        assert message["type"] == "websocket.accept"

    async def leave(self) -> None:
        """As when the tab is closed."""
        with contextlib.suppress(asyncio.CancelledError):
            await self.communicator.send_input({"type": "websocket.disconnect", "code": 1001})
            await self.communicator.wait(timeout=DEADLINE_SECONDS * PATIENCE)

    # Sending

    async def send(self, frame_type: str, **fields: Any) -> None:
        await self.send_text(json.dumps({"type": frame_type, **fields}))

    async def send_text(self, text: str) -> None:
        await self.communicator.send_input({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        await self.communicator.send_input({"type": "websocket.receive", "bytes": data})

    async def ask(self, frame_type: str, **fields: Any) -> Line:
        """The one reply or error to this frame."""
        request_id = f"{frame_type}-{next(self._numbers)}"
        await self.send(frame_type, request_id=request_id, **fields)
        return await self.answer(request_id)

    async def answer(self, request_id: str | None) -> Line:
        return await self.next(
            lambda line: line["type"] in {"reply", "error"} and line["request_id"] == request_id
        )

    async def say(self, chat_id: int, content: str, **fields: Any) -> Line:
        given = {"client_message_id": str(uuid.uuid4()), **fields}
        return await self.ask("message.send", chat_id=chat_id, content=content, **given)

    # Hearing

    async def next(
        self,
        wanted: str | Callable[[Line], bool],
        *,
        seconds: float = DEADLINE_SECONDS,
        where: Callable[[Line], bool] = lambda line: True,
    ) -> Line:
        """The first line of this type (or that this is true of), taken out; the rest stays."""
        is_wanted = (lambda line: line["type"] == wanted) if isinstance(wanted, str) else wanted
        give_up_at = asyncio.get_running_loop().time() + seconds * PATIENCE
        start = 0
        while True:
            for place in range(start, len(self.lines)):
                if is_wanted(self.lines[place]) and where(self.lines[place]):
                    return self.lines.pop(place)
            start = len(self.lines)
            await self._read(give_up_at - asyncio.get_running_loop().time(), wanted)

    async def message(self, content: str, *, seconds: float = DEADLINE_SECONDS) -> Line:
        """The event that brings a message with this content."""
        return await self.next(
            "message.created",
            seconds=seconds,
            where=lambda line: line["message"]["content"] == content,
        )

    async def closed(self, *, seconds: float = DEADLINE_SECONDS) -> int:
        """Waits for the server to close; returns the code."""
        give_up_at = asyncio.get_running_loop().time() + seconds * PATIENCE
        with contextlib.suppress(Closed):
            while True:
                await self._read(give_up_at - asyncio.get_running_loop().time(), "a close")
        assert self.close_code is not None
        return self.close_code

    async def everything_until_now(self) -> list[Line]:
        """All lines up to the reply to a ping: what was written before it has come."""
        await self.ask("ping")
        return list(self.lines)

    async def _any_line(self) -> Line:
        while not self.lines:
            await self._read(DEADLINE_SECONDS * PATIENCE, "a line")
        return self.lines[0]

    async def _read(self, seconds: float, what: object) -> None:
        try:
            message = await self._output(seconds)
        except TimeoutError:
            seen = [line["type"] for line in self.seen]
            raise TimeoutError(f"{what} did not come; these did: {seen}") from None
        if message["type"] == "websocket.close":
            self.close_code = message.get("code", 1000)
            raise Closed(self.close_code)
        assert message["type"] == "websocket.send"
        self.frames += 1
        found = [json.loads(line) for line in message["text"].split("\n")]
        self.lines += found
        self.seen += found

    async def _output(self, seconds: float) -> dict[str, Any]:
        # Channels' own receive_output ends the application when nothing comes in time. What is
        # taken from the queue outlives whoever waited for it and was cancelled.
        application = self.communicator.future
        if self._coming is None:
            self._coming = asyncio.ensure_future(self.communicator.output_queue.get())
        await asyncio.wait(
            {self._coming, application},
            timeout=max(seconds, 0),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not self._coming.done():
            await asyncio.sleep(0)  # the application's last words come before its end
        if self._coming.done():
            came, self._coming = self._coming, None
            return came.result()
        if application.done():
            application.result()
            raise AssertionError("the application ended without closing the socket")
        raise TimeoutError


class Follower:
    """Applies what a socket brings as the contract says a browser does."""

    def __init__(self, socket: ChatSocket, chat_id: int) -> None:
        self.socket, self.chat_id = socket, chat_id
        (listed,) = [chat for chat in socket.welcome["chats"] if chat["id"] == chat_id]
        self.revision = listed["revision"]
        self.texts: dict[int, str] = {}
        self.arrivals: list[int] = []

    def apply(self, line: Line) -> None:
        if line.get("chat_id") != self.chat_id:
            return
        if line["type"] == "chat.changes" and line["after"] <= self.revision:
            for change in line["changes"]:
                if change["revision"] > self.revision:
                    self._take(change["message"])
            self.revision = max(self.revision, line["revision"])
        elif line["type"].startswith("message.") and line["revision"] == self.revision + 1:
            self._take(line["message"])
            self.revision += 1
        elif line["type"].startswith("message."):
            assert line["revision"] <= self.revision, "a hole reached the browser"

    def _take(self, message: Line) -> None:
        self.texts[message["seq"]] = message["content"]
        self.arrivals.append(message["seq"])

    async def has_all(self, count: int, *, seconds: float = 10) -> None:
        while len(self.texts) < count:
            line = await self.socket.next(lambda line: True, seconds=seconds)
            self.apply(line)


@contextlib.asynccontextmanager
async def connected(*cookies: str) -> AsyncIterator[Any]:
    """Open sockets, one for each cookie (a single one not in a list)."""
    sockets = [ChatSocket(cookie) for cookie in cookies]
    try:
        for socket in sockets:
            await socket.open()
        yield sockets[0] if len(sockets) == 1 else sockets
    finally:
        for socket in sockets:
            await socket.leave()
