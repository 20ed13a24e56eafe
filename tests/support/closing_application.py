"""An application that ends every socket with the code in its path, /1012/ say, on our Daphne."""

from __future__ import annotations

from typing import Any

from webchat.asgi import application as chat


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        await chat(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": int(scope["path"].strip("/"))})
