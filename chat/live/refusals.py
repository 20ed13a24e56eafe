"""How a socket's handshake is refused: by an HTTP status where the server can give one.

A browser's script learns nothing of a refused handshake; a proxy does, and may ask another process.
"""

from __future__ import annotations

import math
from typing import Any, Final

from chat.errors import ChatError
from chat.wire.payloads import to_line
from chat.wire.protocol import CloseCode

# ASGI's "WebSocket Denial Response": an extension that a server may offer.
HTTP_ANSWER: Final = "websocket.http.response"


async def refuse(
    scope: dict[str, Any], receive: Any, send: Any, error: ChatError, code: CloseCode | None = None
) -> None:
    """With the error's status. A server that can answer only 403 accepts and closes with `code`,
    where there is one: 403 would say that coming back is of no use."""
    await receive()
    if HTTP_ANSWER in scope.get("extensions", {}):
        await _answer(send, error)
    elif code is not None:
        await _accept_and_close(send, code)
    else:
        await send({"type": "websocket.close"})


async def turn_away(receive: Any, send: Any, code: CloseCode) -> None:
    """For a page of ours, which understands the code."""
    await receive()
    await _accept_and_close(send, code)


async def _accept_and_close(send: Any, code: CloseCode) -> None:
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": int(code)})


async def _answer(send: Any, error: ChatError) -> None:
    headers = [(b"content-type", b"application/json")]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(error.retry_after)).encode()))
    start = {"status": error.status, "headers": headers}
    body = to_line({"error": error.payload()}).encode()
    await send({"type": f"{HTTP_ANSWER}.start", **start})
    await send({"type": f"{HTTP_ANSWER}.body", "body": body})
