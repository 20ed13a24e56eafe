"""Mends Daphne, which keeps all of an answer in memory for a client that does not take it.

An answer that comes in parts (a file) is read on only when what was sent before has gone.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from daphne.server import Server

Scope = dict[str, Any]
# In a scope of HTTP: `HttpChannel.when_taken` of its connection.
WHEN_TAKEN: Final = "webchat.when_taken"


def offer_back_pressure() -> None:
    create_application = Server.create_application

    def create_with_offer(server: Server, protocol: Any, scope: Scope) -> Any:
        if scope["type"] == "http":
            scope[WHEN_TAKEN] = protocol.channel.when_taken
        return create_application(server, protocol, scope)

    Server.create_application = create_with_offer


class BackPressure:
    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        when_taken = scope.get(WHEN_TAKEN)
        if when_taken is None:
            await self._application(scope, receive, send)
            return

        async def send_and_wait(message: dict[str, Any]) -> None:
            await send(message)
            has_room = asyncio.Event()
            if message.get("more_body") and not when_taken(has_room.set):
                await has_room.wait()

        await self._application(scope, receive, send_and_wait)
