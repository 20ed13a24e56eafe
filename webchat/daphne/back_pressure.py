"""Mends Daphne, which keeps in memory all that one side sends and the other does not take.

An answer that comes in parts (a file) is read on only when what was sent before has gone. A
WebSocket is read on only when the application has taken what came before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from daphne.server import Server

Scope = dict[str, Any]
# In a scope of HTTP: `HttpChannel.when_taken` of its connection.
WHEN_TAKEN: Final = "webchat.when_taken"
# In a scope of a WebSocket: `Socket.frame_taken` of its connection.
FRAME_TAKEN: Final = "webchat.frame_taken"


def offer_back_pressure() -> None:
    create_application = Server.create_application

    def create_with_offer(server: Server, protocol: Any, scope: Scope) -> Any:
        if scope["type"] == "http":
            scope[WHEN_TAKEN] = protocol.channel.when_taken
        else:
            scope[FRAME_TAKEN] = protocol.frame_taken
        return create_application(server, protocol, scope)

    Server.create_application = create_with_offer


class BackPressure:
    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if when_taken := scope.get(WHEN_TAKEN):
            send = _waiting(send, when_taken)
        elif frame_taken := scope.get(FRAME_TAKEN):
            receive = _telling(receive, frame_taken)
        await self._application(scope, receive, send)


def _waiting(send: Any, when_taken: Callable[[Callable[[], None]], bool]) -> Any:
    async def send_and_wait(message: dict[str, Any]) -> None:
        await send(message)
        has_room = asyncio.Event()
        if message.get("more_body") and not when_taken(has_room.set):
            await has_room.wait()

    return send_and_wait


def _telling(receive: Any, frame_taken: Callable[[], None]) -> Any:
    async def receive_and_tell() -> Any:
        message = await receive()
        if message["type"] == "websocket.receive":
            frame_taken()
        return message

    return receive_and_tell
