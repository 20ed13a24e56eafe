"""Mends Daphne, which takes a body in whole, however large, before we hear of it.

One that says that it is too large is refused at once, one that does not say so as soon as it is.
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from daphne.http_protocol import WebRequest

from webchat.daphne.answers import refusal

logger = logging.getLogger(__name__)


class BoundedBody(WebRequest):
    max_body_bytes: ClassVar[int]
    received = 0
    is_refused = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802  (Twisted names it)
        super().gotLength(length)
        self._look(length or 0)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self.received += len(data)
        self._look(self.received)
        if not self.is_refused:
            super().handleContentChunk(data)

    def requestReceived(self, *arguments: Any) -> None:  # noqa: N802
        if not self.is_refused:
            super().requestReceived(*arguments)

    def _look(self, length: int) -> None:
        if length > self.max_body_bytes and not self.is_refused:
            self.is_refused = True
            logger.warning("a request was too large", extra={"max_bytes": self.max_body_bytes})
            self.channel.transport.write(refusal(413))
            self.channel.loseConnection()
