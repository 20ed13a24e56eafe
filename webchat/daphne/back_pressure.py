"""Mends Daphne, which keeps in memory all that one side sends and the other does not take.

An answer that comes in parts (a file) is read on only when what was sent before has gone. (A
WebSocket is read on only when the application has taken what came before: webchat.daphne.sockets.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from webchat.daphne.offers import WHEN_TAKEN, Scope


class BackPressure:
    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, scope: Scope, receive: Any, send: Any) -> Coroutine[Any, Any, None]:
        if when_taken := scope.get(WHEN_TAKEN):
            send = _waiting(send, when_taken)
        answer: Coroutine[Any, Any, None] = self._application(scope, receive, send)
        return answer


def _waiting(send: Any, when_taken: Callable[[Callable[[], None]], bool]) -> Any:
    async def send_and_wait(message: dict[str, Any]) -> None:
        await send(message)
        has_room = asyncio.Event()
        if message.get("more_body") and not when_taken(has_room.set):
            await has_room.wait()

    return send_and_wait
