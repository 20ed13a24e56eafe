"""One browser's connection as the hub sees it: lines wait here until they are written, joined."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from chat.wire.protocol import CloseCode

logger = logging.getLogger(__name__)

# A browser answers `heads` at least every 25 s. One that has been silent for longer than this is
# gone, or is not reading.
MAX_SILENT_SECONDS: Final = 75.0
# Bytes written since the browser was last heard: past the first it is pinged, past the second it is
# closed (4408), because Daphne would keep any amount in memory for a client that never reads.
ASK_AFTER_BYTES: Final = 2 * 1024 * 1024
MAX_UNHEARD_BYTES: Final = 16 * 1024 * 1024

# An ASGI extension that a server may offer: its "write" sends a text as one message, at once and in
# order with `send`; it never waits or raises, and writes nothing once the connection is closing.
WRITE_TEXT: Final = "webchat.write_text"

# An ASGI `send`: takes {"type": "websocket.send", "text": …}.
Send = Callable[[dict[str, Any]], Awaitable[None]]
Write = Callable[[str], None]
Close = Callable[[int], Awaitable[None]]


class Socket:
    __slots__ = (
        "_blocks",
        "_close",
        "_send",
        "_write_text",
        "apart",
        "asked",
        "audiences",
        "chat_ids",
        "heard_at",
        "is_closed",
        "is_welcome",
        "session_key",
        "unheard_bytes",
        "user_id",
        "user_name",
    )

    def __init__(
        self,
        *,
        user_id: int,
        user_name: str,
        session_key: str,
        send: Send,
        close: Close,
        write: Write | None = None,
        audiences: frozenset[str] = frozenset(),
        apart: frozenset[int] | None = frozenset(),
    ) -> None:
        self.user_id = user_id
        self.user_name = user_name
        self.session_key = session_key
        self.chat_ids: set[int] = set()
        self.audiences = audiences
        # People whose presence and typing this socket is not told of, because of a block. None: not
        # known yet, so it is told of nobody's.
        self.apart = apart
        self.heard_at = time.monotonic()
        self.unheard_bytes = 0
        self.asked = False
        self.is_welcome = False
        self.is_closed = False
        self._blocks: list[str] = []
        self._send = send
        self._close = close
        self._write_text = write

    def put(self, block: str) -> None:
        """One line, or several joined by newlines; written with the hub's next flush."""
        self._blocks.append(block)

    def welcome(self, line: str) -> None:
        """The very first line; whatever has arrived in the meantime follows it."""
        self._blocks.insert(0, line)
        self.is_welcome = True

    def heard(self) -> None:
        self.heard_at = time.monotonic()
        self.unheard_bytes = 0
        self.asked = False

    def should_be_asked(self) -> bool:
        """True once each time this much has been written without hearing from the browser."""
        if self.asked or self.unheard_bytes < ASK_AFTER_BYTES:
            return False
        self.asked = True
        return True

    def is_too_slow(self, now: float) -> bool:
        return self.unheard_bytes > MAX_UNHEARD_BYTES or now - self.heard_at > MAX_SILENT_SECONDS

    def write(self) -> bool:
        """Writes everything that waits as one frame, at once; False: only `flush` can."""
        if self._write_text is None:
            return False
        if not self.is_closed and (text := self._take()):
            self._write_text(text)
        return True

    async def flush(self) -> None:
        """Writes everything waiting as one frame."""
        if not self.is_closed:
            await self._flush()

    async def close(self, code: CloseCode) -> None:
        """Writes what is waiting, then closes. Idempotent; never raises."""
        if self.is_closed:
            return
        self.is_closed = True
        for step in (self._flush, partial(self._close, code)):
            try:
                await step()
            except Exception as error:  # noqa: BLE001
                # Whatever the server raises for a connection that is gone; who closes many goes on.
                logger.info("a socket was gone", extra={"error": type(error).__name__})

    async def _flush(self) -> None:
        if not (text := self._take()):
            return
        if self._write_text is not None:
            self._write_text(text)
        else:
            await self._send({"type": "websocket.send", "text": text})

    def _take(self) -> str:
        """What waits, joined. A single block stays the object that its room gave to every socket,
        by which the server knows that its frame is the same.
        """
        if not self._blocks or not self.is_welcome:
            return ""
        text = self._blocks[0] if len(self._blocks) == 1 else "\n".join(self._blocks)
        self._blocks.clear()
        self.unheard_bytes += len(text)
        return text
