"""A request as Daphne makes it, with all that was mended about it."""

from __future__ import annotations

from typing import Any

from webchat.daphne.answers import SafeAnswers
from webchat.daphne.bodies import BoundedBody


class Request(BoundedBody, SafeAnswers):
    def process(self) -> Any:
        done = super().process()
        # It has given its transport to a WebSocket, which has rules of its own.
        if self.transport is None:
            self.channel.let_go()
        return done
