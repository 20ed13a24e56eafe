"""Mends Daphne, which takes a body in whole, however large, before we hear of it.

One that says that it is too large is refused at once, one that does not say so as soon as it is,
and one for which there is no room on the disk as soon as that is full.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ClassVar

from daphne.http_protocol import WebRequest

from chat.pictures.checking import is_for_want_of_room
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
            self._keep(super().handleContentChunk, data)

    def requestReceived(self, *arguments: Any) -> None:  # noqa: N802
        if not self.is_refused:
            self._keep(super().requestReceived, *arguments)

    def _look(self, length: int) -> None:
        if length > self.max_body_bytes and not self.is_refused:
            logger.warning("a request was too large", extra={"max_bytes": self.max_body_bytes})
            self._refuse(413)

    def _keep(self, write: Callable[..., object], *arguments: Any) -> None:
        """Twisted keeps all but small ones in a file."""
        try:
            write(*arguments)
        except OSError as error:
            if not is_for_want_of_room(error):
                raise
            logger.warning("no room for a request", extra={"error": repr(error)})
            self._refuse(503)

    def _refuse(self, status: int) -> None:
        self.is_refused = True
        self.channel.transport.write(refusal(status))
        self.channel.loseConnection()
