"""What our connections offer the application, in its scope. Other servers offer none of it."""

from __future__ import annotations

from typing import Any, Final

from daphne.server import Server

from chat.live.hub.sockets import WRITE_TEXT

Scope = dict[str, Any]
# In a scope of HTTP: `HttpChannel.when_taken` of its connection.
WHEN_TAKEN: Final = "webchat.when_taken"
# In a scope of a WebSocket: `Socket.frame_taken` of its connection.
FRAME_TAKEN: Final = "webchat.frame_taken"


def offer_connections() -> None:
    create_application = Server.create_application

    def create_with_offers(server: Server, protocol: Any, scope: Scope) -> Any:
        if scope["type"] == "http":
            scope[WHEN_TAKEN] = protocol.channel.when_taken
        else:
            scope[FRAME_TAKEN] = protocol.frame_taken
            scope.setdefault("extensions", {})[WRITE_TEXT] = {"write": protocol.write_text}
        return create_application(server, protocol, scope)

    Server.create_application = create_with_offers
