"""Mends Daphne's WebSockets where somebody means harm: nothing that they send is looked at in vain.

A frame far over our own limit ends the connection by its first bytes, before its rest has come;
and of whoever is closed for too much, nothing more is read. The way of a good frame stays as it is.
"""

from __future__ import annotations

from typing import Final

from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from chat.protocol import MOST_FRAME_BYTES, CloseCode

# Up to this a frame is answered (frame_too_large); what a person pastes is far below.
MOST_FRAME_OF_ALL: Final = 4 * MOST_FRAME_BYTES


class Socket(WebSocketProtocol):
    def serverClose(self, code: int | None = None) -> None:  # noqa: N802  (Daphne names it)
        super().serverClose(code)
        if code == CloseCode.TOO_MUCH:
            # The close goes out; the connection ends within a second, whatever else comes.
            self.transport.pauseProducing()


def mend_sockets() -> None:
    WebSocketFactory.protocol = Socket
    run = Server.run

    def run_with_small_frames(server: Server) -> None:
        server.websocket_max_frame_size = MOST_FRAME_OF_ALL
        server.websocket_max_message_size = MOST_FRAME_OF_ALL
        run(server)

    Server.run = run_with_small_frames
