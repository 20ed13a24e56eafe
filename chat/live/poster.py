"""Group commit: while one transaction runs, the posts that arrive wait and go together in the next.

One lock, one insert and one fsync for all of them; nothing is added when there is only one. What
waits for a lock that somebody holds for long goes aside, and the others go on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from typing import Final

from chat.database.threads import DatabaseThreads
from chat.errors import UnavailableError
from chat.live.aside import Aside
from chat.live.saving import Reply, Waiting, save
from chat.services.posting.posts import NewPost
from messaging.measures import COMMIT_SECONDS

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

# Others hold a chat's lock for some milliseconds; more than this is no turn to be waited for.
MAX_LOCK_MS: Final = 100


class Poster:
    """Belongs to one event loop; writes in one thread of its own, so batches keep their order."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._threads = DatabaseThreads("poster", size=1, lock_ms=MAX_LOCK_MS)
        self._aside = Aside()
        # Not set while a batch is being written: readers give way to it.
        self.rests = threading.Event()
        self.rests.set()
        self._running: asyncio.Task[None] | None = None
        self._is_closing = False
        self.taken = 0  # since the start

    def submit(self, post: NewPost, reply: Reply) -> None:
        """Saves it with the next batch, then calls `reply` on the loop. Raises UnavailableError."""
        if self._is_closing or len(self._waiting) + len(self._aside) >= MAX_WAITING:
            raise UnavailableError
        self.taken += 1
        self._waiting.append(Waiting(post, reply))
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="poster")

    async def drain(self) -> None:
        """Accepts nothing more; returns when everything accepted has its reply."""
        self._is_closing = True
        while self._running is not None:
            await asyncio.wait([self._running])
        await self._aside.drain()

    async def close(self) -> None:
        await self.drain()
        await self._aside.close()
        await asyncio.get_running_loop().run_in_executor(None, self._threads.close)

    async def _run(self) -> None:
        try:
            for _ in range(TURNS_BEFORE):
                await asyncio.sleep(0)
            while self._waiting:
                began_at = time.monotonic()
                batch = self._next_batch()
                self.rests.clear()
                try:
                    with COMMIT_SECONDS.time():
                        self._aside.add(await save(self._threads, batch))
                finally:
                    self.rests.set()
                if len(batch) >= BUSY_BATCH:
                    took = time.monotonic() - began_at
                    await asyncio.sleep(min(took * GATHER_PER_BATCH, MAX_GATHER_SECONDS))
        finally:
            self._running = None

    def _next_batch(self) -> list[Waiting]:
        """Posts of a chat that waits aside follow it there, so that its order stays."""
        size = min(len(self._waiting), MAX_IN_BATCH)
        batch = [self._waiting.popleft() for _ in range(size)]
        return self._aside.without_its_own(batch)
