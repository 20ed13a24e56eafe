"""Joins the receipts of a process's sockets and writes them in bulk, once a second."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from chat.services.receipts import Cursors, advance_cursors
from chat.threads import DATABASE_AWAY, DatabaseThreads

logger = logging.getLogger(__name__)

WRITE_EVERY_SECONDS: Final = 1.0


class ReceiptBuffer:
    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._waiting: dict[tuple[int, int], Cursors] = {}
        self._writer: asyncio.Task[None] | None = None

    def add(self, chat_id: int, user_id: int, cursors: Cursors) -> None:
        """Cumulative: of several only the furthest counts."""
        before = self._waiting.get((chat_id, user_id), Cursors())
        self._waiting[chat_id, user_id] = before.joined(cursors)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_soon(), name="receipts")

    async def drain(self) -> None:
        """Writes at once what waits."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None
        await self._write()

    async def _write_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(WRITE_EVERY_SECONDS)
            await self._write()
        self._writer = None

    async def _write(self) -> None:
        receipts, self._waiting = self._waiting, {}
        if not receipts:
            return
        try:
            await self._threads.run(advance_cursors, receipts)
        except DATABASE_AWAY:
            # Cumulative cursors: keep them, newer ones join in.
            for key, cursors in receipts.items():
                self._waiting[key] = cursors.joined(self._waiting.get(key, Cursors()))
        except Exception:
            # A browser sends its cursors again when it comes back: losing some harms nothing.
            logger.exception("receipts could not be written", extra={"receipts": len(receipts)})
