"""Mends how Daphne refuses a WebSocket's handshake: a bare line that says 403, whatever the reason.

An application may answer with a status, headers and a body of its own: ASGI's "WebSocket Denial
Response". What Daphne and autobahn refuse by themselves is JSON, with the headers of every answer;
a handshake that the application leaves without an answer is refused with 503.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from chat.live.refusals import HTTP_ANSWER
from webchat.daphne.answers import refusal, whole_answer
from webchat.daphne.light_sockets import LightSocket

START: Final = f"{HTTP_ANSWER}.start"
BODY: Final = f"{HTTP_ANSWER}.body"


class Handshake(LightSocket):
    """A socket before it is one."""

    # The application's answer, as far as it has come.
    answer: dict[str, Any]

    def handle_reply(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == START:
            headers = message.get("headers", ())
            self.answer = {"status": message["status"], "headers": headers, "body": b""}
        elif kind == BODY:
            self.answer["body"] += message.get("body", b"")
            if not message.get("more_body"):
                self._end(whole_answer(**self.answer))
        else:
            super().handle_reply(message)

    def check_timeouts(self) -> None:
        if self._waits and self.duration() > self.server.websocket_connect_timeout:
            self._end(refusal(HTTPStatus.SERVICE_UNAVAILABLE))
        else:
            super().check_timeouts()

    def onOpenHandshakeTimeout(self) -> None:  # noqa: N802  (autobahn names them)
        if self._waits:
            self._end(refusal(HTTPStatus.SERVICE_UNAVAILABLE))
        else:
            super().onOpenHandshakeTimeout()

    def sendHttpErrorResponse(  # noqa: N802
        self,
        code: int,
        reason: str,
        responseHeaders: Iterable[tuple[str, str]] | None = None,  # noqa: N803
    ) -> None:
        """Of what autobahn refuses by itself, mostly because it is no handshake."""
        more = [(name.encode(), value.encode()) for name, value in responseHeaders or ()]
        self.sendData(refusal(code, more))

    @property
    def _waits(self) -> bool:
        """The application has been asked and has not answered."""
        return self.state == self.STATE_CONNECTING and hasattr(self, "handshake_deferred")

    def _end(self, answer: bytes) -> None:
        if self._waits:
            self.server.protocol_disconnected(self)
            self.sendData(answer)
            self.wasNotCleanReason = "the handshake was refused"
            self.dropConnection(abort=False)
