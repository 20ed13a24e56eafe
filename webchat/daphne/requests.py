"""A request as Daphne makes it, with all that was mended about it."""

from __future__ import annotations

from typing import Any, ClassVar

from webchat.daphne.answers import SafeAnswers
from webchat.daphne.bodies import BoundedBody
from webchat.daphne.turns import Turns


class Request(BoundedBody, SafeAnswers):
    # Of the whole process. A handshake takes some 2 ms: after a restart hundreds come at once, and
    # one after the other they would keep everyone who talks waiting for a second.
    handshakes: ClassVar[Turns] = Turns()

    def process(self) -> Any:
        if self.requestHeaders.hasHeader(b"Upgrade"):
            self.handshakes.take(self._process_if_there)
            return None
        return self._process()

    def _process_if_there(self) -> None:
        if self.channel is not None:  # else it has gone meanwhile
            self._process()

    def _process(self) -> Any:
        done = super().process()
        # It has given its transport to a WebSocket, which has rules of its own.
        if self.transport is None:
            self.channel.let_go()
        return done
