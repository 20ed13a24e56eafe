"""Posts whose chats are locked by somebody for long: a frozen process, a hand in the database.

They are tried again and again, in a thread of their own, and nobody else waits for them. A chat's
posts keep their order: while some are here, its later ones come here too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Final

from chat.database.threads import DatabaseThreads, let_go_of_database
from chat.errors import UnavailableError
from chat.live.saving import Batch, Waiting, save

logger = logging.getLogger(__name__)

# After this a person is told that it did not work; sending it again loses and doubles nothing.
MAX_SECONDS: Final = 10.0
# Each locked chat is waited for so long in its turn.
MAX_LOCK_MS: Final = 20
SUSPECT_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.05
MAX_IN_BATCH: Final = 500


class Aside:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        # By chat: each with the moment after which it is given up.
        self._chats: dict[int, deque[tuple[float, Waiting]]] = {}
        # Until when a chat that was found locked is tried here, and not where others would wait.
        self._suspects: dict[int, float] = {}
        self._threads = DatabaseThreads("poster-aside", size=1, lock_ms=MAX_LOCK_MS)
        self._running: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(map(len, self._chats.values()))

    def has(self, chat_id: int) -> bool:
        return chat_id in self._chats or self._suspects.get(chat_id, 0.0) > time.monotonic()

    def without_its_own(self, batch: list[Waiting]) -> list[Waiting]:
        """Takes those whose chats wait here; returns the others."""
        if not self._chats and not self._suspects:
            return batch
        self.add([waiting for waiting in batch if self.has(waiting.post.chat_id)])
        return [waiting for waiting in batch if not self.has(waiting.post.chat_id)]

    def add(self, batch: Batch) -> None:
        now = time.monotonic()
        for waiting in batch:
            chat_id = waiting.post.chat_id
            if not self.has(chat_id):
                self._suspects[chat_id] = now + SUSPECT_SECONDS
                logger.warning("a chat is locked by somebody", extra={"chat_id": chat_id})
            self._chats.setdefault(chat_id, deque()).append((now + MAX_SECONDS, waiting))
        if self._chats and self._running is None:
            self._running = asyncio.create_task(self._run(), name="poster-aside")

    async def drain(self) -> None:
        """Returns when everybody has a reply."""
        while self._running is not None:
            await asyncio.wait([self._running])

    async def close(self) -> None:
        await self.drain()
        await asyncio.get_running_loop().run_in_executor(None, self._threads.close)

    async def _run(self) -> None:
        try:
            while self._chats:
                for chat_id in list(self._chats):
                    await self._try(chat_id)
                if self._chats:
                    await asyncio.sleep(PAUSE_SECONDS)
                else:
                    await self._threads.run(let_go_of_database)
        finally:
            self._running = None

    async def _try(self, chat_id: int) -> None:
        mine = self._chats[chat_id]
        taken = [mine.popleft() for _ in range(min(len(mine), MAX_IN_BATCH))]
        left = await save(self._threads, [waiting for _, waiting in taken])
        untils = {id(waiting): until for until, waiting in taken}
        mine.extendleft((untils[id(waiting)], waiting) for waiting in reversed(left))
        if not left and self._suspects.pop(chat_id, None) is not None:
            logger.warning("a chat is no longer locked", extra={"chat_id": chat_id})
        self._give_up_late_ones(chat_id, mine)
        if not mine:
            del self._chats[chat_id]

    def _give_up_late_ones(self, chat_id: int, mine: deque[tuple[float, Waiting]]) -> None:
        now = time.monotonic()
        late = [mine.popleft()[1] for until, _ in list(mine) if until < now]
        if not late:
            return
        self._suspects[chat_id] = now + SUSPECT_SECONDS
        logger.warning(
            "posts waited too long for the lock of their chat",
            extra={"chat_id": chat_id, "posts": len(late)},
        )
        for _, reply in late:
            reply(UnavailableError())
