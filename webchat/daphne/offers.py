"""What our connections offer the application, in its scope. Other servers offer none of it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from daphne.server import Server

from chat.live.hub.sockets import WRITE_TEXT
from chat.live.refusals import HTTP_ANSWER
from webchat.daphne.inbox import Inbox

Scope = dict[str, Any]
# In a scope of HTTP: `HttpChannel.when_taken` of its connection.
WHEN_TAKEN: Final = "webchat.when_taken"
# In a scope of a WebSocket, until the application gets it: its `Inbox`.
INBOX: Final = "webchat.inbox"


def offer_connections() -> None:
    create_application, run = Server.create_application, Server.run

    def create_with_offers(server: Server, protocol: Any, scope: Scope) -> Any:
        if scope["type"] == "http":
            scope[WHEN_TAKEN] = protocol.channel.when_taken
            return create_application(server, protocol, scope)
        extensions = scope.setdefault("extensions", {})
        extensions[WRITE_TEXT] = {"write": protocol.write_text}
        extensions[HTTP_ANSWER] = {}
        inbox = scope[INBOX] = Inbox(protocol.frame_taken)
        return inbox if create_application(server, protocol, scope) is not None else None

    def run_with_inboxes(server: Server) -> None:
        server.application = TakingFromInbox(server.application)
        run(server)

    Server.create_application = create_with_offers
    Server.run = run_with_inboxes


class TakingFromInbox:
    """No coroutine of its own: one would keep Daphne's queue for as long as the socket is there."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def __call__(self, scope: Scope, receive: Any, send: Any) -> Coroutine[Any, Any, None]:
        inbox = scope.pop(INBOX, None)
        answer: Coroutine[Any, Any, None] = self._application(
            scope, inbox.get if inbox else receive, send
        )
        return answer
