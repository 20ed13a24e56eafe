"""Mends Daphne, which takes a body in whole, however large, before we hear of it.

One that says that it is too large is refused at once, one that does not say so as soon as it is.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from daphne import http_protocol

logger = logging.getLogger(__name__)

ANSWER: Final = (
    b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
)
BODY: Final = b'{"error": {"code": "too_large", "detail": "The request is too large."}}'


def limit_bodies(most_bytes: int) -> None:
    """For every connection from now on."""

    class BoundedRequest(http_protocol.WebRequest):
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
            if length > most_bytes and not self.is_refused:
                self.is_refused = True
                logger.warning("a request was too large", extra={"most_bytes": most_bytes})
                self.channel.transport.write(ANSWER % (len(BODY), BODY))
                self.channel.loseConnection()

    http_protocol.WebRequest = BoundedRequest
