"""Group commit: while one transaction runs, the posts that arrive wait and go together in the next.

One lock, one insert and one fsync for all of them; nothing is added when there is only one.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from chat.database.threads import DatabaseThreads
from chat.errors import UnavailableError
from chat.services.posting.posting import post_messages
from chat.services.posting.posts import NewPost, Outcome
from messaging.away import DatabaseAwayError, DatabaseBusyError
from messaging.describing import describe

logger = logging.getLogger(__name__)

# A transaction of this size takes some 100 ms; a larger one would only make everyone wait longer.
MAX_IN_BATCH: Final = 500
# After a batch of this size the next one gathers for a share of the time that this one took: fuller
# batches cost less per message, and a chat's messages share frames. In calm times nothing waits.
BUSY_BATCH: Final = 8
# Frames that arrive together are read in one turn of the event loop and submitted in the next one.
# So many turns, some 0.1 ms in a calm process, let a batch begin with all of them.
TURNS_BEFORE: Final = 3
GATHER_PER_BATCH: Final = 0.5
MAX_GATHER_SECONDS: Final = 0.02
# Above this the database is too slow for what arrives: say so instead of growing.
MAX_WAITING: Final = 20_000

Reply = Callable[[Outcome], None]


class Poster:
    """Belongs to one event loop; writes in one thread of its own, so batches keep their order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[NewPost, Reply]] = deque()
        self._threads = DatabaseThreads("poster", size=1)
        # Not set while a batch is being written: readers give way to it.
        self.rests = threading.Event()
        self.rests.set()
        self._running: asyncio.Task[None] | None = None
        self._is_closing = False

    def submit(self, post: NewPost, reply: Reply) -> None:
        """Saves it with the next batch, then calls `reply` on the loop. Raises UnavailableError."""
        if self._is_closing or len(self._waiting) >= MAX_WAITING:
            raise UnavailableError
        self._waiting.append((post, reply))
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="poster")

    async def drain(self) -> None:
        """Accepts nothing more; returns when everything accepted has its reply."""
        self._is_closing = True
        while self._running is not None:
            await asyncio.wait([self._running])

    async def close(self) -> None:
        await self.drain()
        await asyncio.get_running_loop().run_in_executor(None, self._threads.close)

    async def _run(self) -> None:
        try:
            for _ in range(TURNS_BEFORE):
                await asyncio.sleep(0)
            while self._waiting:
                began_at = time.monotonic()
                size = min(len(self._waiting), MAX_IN_BATCH)
                batch = [self._waiting.popleft() for _ in range(size)]
                self.rests.clear()
                try:
                    outcomes = await self._save([post for post, _ in batch])
                finally:
                    self.rests.set()
                for (_, reply), outcome in zip(batch, outcomes, strict=True):
                    reply(outcome)
                if size >= BUSY_BATCH:
                    took = time.monotonic() - began_at
                    await asyncio.sleep(min(took * GATHER_PER_BATCH, MAX_GATHER_SECONDS))
        finally:
            self._running = None

    async def _save(self, posts: list[NewPost]) -> Sequence[Outcome]:
        try:
            return await self._threads.run(post_messages, posts)
        except DatabaseAwayError:
            return [UnavailableError()] * len(posts)
        except DatabaseBusyError as error:
            if len(posts) > 1:
                return await self._save_each(posts)
            names = {"chat_id": posts[0].chat_id, "error": describe(error)}
            logger.warning("a post waited too long for others", extra=names)
            return [UnavailableError()]
        except Exception:
            if len(posts) > 1:
                return await self._save_each(posts)
            logger.exception("a post was refused", extra={"chat_id": posts[0].chat_id})
            return [UnavailableError()]

    async def _save_each(self, posts: list[NewPost]) -> Sequence[Outcome]:
        """One post that the database rejects must not hold back the others."""
        logger.warning("a batch was refused, posting one by one", extra={"posts": len(posts)})
        return [(await self._save([post]))[0] for post in posts]
