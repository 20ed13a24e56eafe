"""Mends Daphne's WebSockets where somebody means harm: nothing that they send is looked at in vain.

A frame far over our own limit ends the connection by its first bytes, before its rest has come. Of
whoever sends faster than the application takes, so much waits in memory and the rest with the
sender; and of whoever is closed for too much, nothing more is read.
"""

from __future__ import annotations

import asyncio
from typing import Final

from daphne import server
from daphne.server import Server

from chat.wire.protocol import MAX_FRAME_BYTES, PROTOCOL_ERROR, CloseCode
from webchat.daphne.frames import FrameMaker, write
from webchat.daphne.handshakes import Handshake
from webchat.daphne.light_sockets import LightSocketFactory

# Up to this a frame is answered (frame_too_large); what a person pastes is far below.
MAX_FRAME_OF_ALL: Final = 4 * MAX_FRAME_BYTES
# Frames that wait for the application; then nothing more is read until it has taken half of them.
MAX_WAITING_FRAMES: Final = 16
# Of a close that gives no other reason.
NORMAL: Final = 1000


class Socket(Handshake):
    is_resting = False
    is_over = False
    waiting_frames = 0
    frames = FrameMaker()  # of the whole process

    def write_text(self, text: str) -> None:
        """A text message, at once; nothing to a connection that is closing. Never raises."""
        if self.state == self.STATE_OPEN:
            write(self.transport, self.frames.frame_of(text))

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803  (autobahn)
        self.waiting_frames += 1
        if self.waiting_frames >= MAX_WAITING_FRAMES:
            self._rest()
        super().onMessage(payload, isBinary)

    def frame_taken(self) -> None:
        """The application has taken one."""
        self.waiting_frames -= 1
        if self.is_resting and self.waiting_frames == MAX_WAITING_FRAMES // 2:
            # Not at once: the others have their turn between.
            asyncio.get_running_loop().call_soon(self._go_on)

    def processData(self) -> bool:  # noqa: N802
        """One frame of what has been read; False: no more of them now."""
        return not self.is_resting and super().processData()

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802  (Daphne names it)
        """With any code that a server may send: autobahn's own way is a client's, and refuses to
        say 1012. Nothing to a connection that is closing. Raises ValueError."""
        code = NORMAL if code is None else int(code)
        if not is_a_servers(code):
            raise ValueError(f"a server cannot close a WebSocket with {code}")
        self.sendCloseFrame(code=code)
        if code == CloseCode.TOO_MUCH:
            # The close goes out; the connection ends within a second, whatever else comes.
            self.is_over = True
            self._rest()

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:  # noqa: N802, N803
        """The application is told of what we had to cut off."""
        super().onClose(wasClean, PROTOCOL_ERROR if self.failedByMe else code, reason)

    def _rest(self) -> None:
        self.is_resting = True
        self.transport.pauseProducing()

    def _go_on(self) -> None:
        if not self.is_over:
            self.is_resting = False
            self.transport.resumeProducing()
            self.consumeData()


def is_a_servers(code: int) -> bool:
    """RFC 6455, 7.4: some codes stand for what was never sent, and others are given to nobody."""
    return 3000 <= code <= 4999 or code in Socket.CLOSE_STATUS_CODES_ALLOWED


class SocketFactory(LightSocketFactory):
    protocol = Socket


def mend_sockets() -> None:
    server.WebSocketFactory = SocketFactory
    run = Server.run

    def run_with_small_frames(running: Server) -> None:
        running.websocket_max_frame_size = MAX_FRAME_OF_ALL
        running.websocket_max_message_size = MAX_FRAME_OF_ALL
        run(running)

    Server.run = run_with_small_frames
