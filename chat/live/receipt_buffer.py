"""Batches the receipts of a process's sockets and writes them in bulk, once a second.

Large chats are paced: those who have waited longest go first, and nobody's cursors are lost,
because only the furthest one counts.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Final

from chat.database.threads import DATABASE_AWAY, DatabaseThreads
from chat.services.cursors.receipts import Cursors, advance_cursors
from messaging.away import DatabaseBusyError

logger = logging.getLogger(__name__)

WRITE_EVERY_SECONDS: Final = 1.0
# How many cursors of one chat are written each time, by all processes together: each changes a row
# and makes an event or two. In a chat of 1,000 who all read, each person's is written every ten
# seconds.
MAX_OF_A_CHAT: Final = 100
MAX_LOCK_MS: Final = 100
ADVANCE: Final = partial(advance_cursors, lock_ms=MAX_LOCK_MS)

Waiting = dict[int, dict[int, Cursors]]  # by chat, then person: whoever waits longest first


class ReceiptBuffer:
    """`count_people(chat_id)`: how many of the chat's members are connected to this process."""

    def __init__(self, threads: DatabaseThreads, count_people: Callable[[int], int]) -> None:
        self._threads = threads
        self._count_people = count_people
        self._waiting: Waiting = defaultdict(dict)
        self._large: dict[int, int] = {}  # how many members such a chat had when it last moved
        self._writer: asyncio.Task[None] | None = None

    def add(self, chat_id: int, user_id: int, cursors: Cursors) -> None:
        """Cumulative: only the furthest one counts."""
        people = self._waiting[chat_id]
        people[user_id] = people.get(user_id, Cursors()).joined(cursors)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_soon(), name="receipts")

    async def drain(self) -> None:
        """Writes at once whatever is waiting."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
            self._writer = None
        taken, self._waiting = self._waiting, defaultdict(dict)
        await self._write(taken)

    async def _write_soon(self) -> None:
        while self._waiting:
            await asyncio.sleep(WRITE_EVERY_SECONDS)
            await self._write(self._take())
        self._writer = None

    def _take(self) -> Waiting:
        """What to write now."""
        taken: Waiting = {}
        for chat_id, people in list(self._waiting.items()):
            room = self._room_of(chat_id)
            if len(people) <= room:
                taken[chat_id] = self._waiting.pop(chat_id)
            else:
                taken[chat_id] = {
                    user_id: people.pop(user_id) for user_id in [*islice(people, room)]
                }
        return taken

    def _room_of(self, chat_id: int) -> int:
        """This process's share of the total: as large as its share of the members."""
        members = self._large.get(chat_id)
        if members is None:
            return MAX_OF_A_CHAT
        return math.ceil(MAX_OF_A_CHAT * min(1, self._count_people(chat_id) / members)) or 1

    async def _write(self, taken: Waiting) -> None:
        receipts = {
            (chat_id, user_id): cursors
            for chat_id, people in taken.items()
            for user_id, cursors in people.items()
        }
        if not receipts:
            return
        try:
            self._learn_sizes(await self._threads.run(ADVANCE, receipts))
        except DatabaseBusyError:
            if len(taken) == 1:
                self._put_back(taken)
                return
            # One chat that somebody has locked must not hold back the others.
            for chat_id, people in taken.items():
                await self._write({chat_id: people})
        except DATABASE_AWAY:
            self._put_back(taken)
        except Exception:
            # A browser sends its cursors again when it comes back: losing some harms nothing.
            logger.exception("receipts could not be written", extra={"receipts": len(receipts)})

    def _put_back(self, taken: Waiting) -> None:
        """Cumulative cursors: newer ones join in."""
        for chat_id, people in taken.items():
            waiting = self._waiting[chat_id]
            for user_id, cursors in people.items():
                waiting[user_id] = cursors.joined(waiting.get(user_id, Cursors()))

    def _learn_sizes(self, counts: Mapping[int, int]) -> None:
        for chat_id, count in counts.items():
            if count > MAX_OF_A_CHAT:
                self._large[chat_id] = count
            else:
                self._large.pop(chat_id, None)
