"""Finds what the direct road lost by comparing revisions, and reads it from the database.

The last safeguard before a browser would notice: it survives any error.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Final, Protocol

from chat.database.threads import DATABASE_AWAY, DatabaseThreads
from chat.live.hub.rooms import Room
from chat.reads import history
from chat.wire.payloads import to_line

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.05
AFTER_FAULT_SECONDS: Final = 1.0


class Rooms(Protocol):
    """What healing needs from the hub."""

    rooms: dict[int, Room]

    def hear_of(self, chat_id: int, revision: int) -> None: ...
    def note(self, room: Room) -> None: ...


class Healer:
    def __init__(self, hub: Rooms, threads: DatabaseThreads) -> None:
        self._hub = hub
        self._threads = threads
        self._doubted: set[int] = set()
        self._to_heal = asyncio.Event()

    def wake(self) -> None:
        """A room knows that it is missing something."""
        self._to_heal.set()

    def doubt(self, chat_ids: Iterable[int]) -> None:
        """These chats may have changed unheard: compare revisions."""
        self._doubted.update(chat_ids)
        self._to_heal.set()

    async def run(self) -> None:
        while True:
            await self._to_heal.wait()
            await asyncio.sleep(LOOK_SECONDS)
            self._to_heal.clear()
            try:
                await self._heal()
            except DATABASE_AWAY:
                await asyncio.sleep(AFTER_FAULT_SECONDS)
            except Exception:
                # Whatever it was, the next look may go well.
                logger.exception("healing failed")
                await asyncio.sleep(AFTER_FAULT_SECONDS)
            if self._doubted or any(room.is_behind for room in self._hub.rooms.values()):
                self._to_heal.set()

    async def _heal(self) -> None:
        await self._compare()
        now = time.monotonic()
        for room in [room for room in self._hub.rooms.values() if room.has_hole(now=now)]:
            await self._fill(room)

    async def _compare(self) -> None:
        # Whoever doubts a chat from now on may know of something that is not read here.
        doubted, self._doubted = self._doubted & set(self._hub.rooms), set()
        if not doubted:
            return
        try:
            heads = await self._threads.run(history.heads_of, doubted)
        except BaseException:
            self._doubted |= doubted
            raise
        for chat_id, revision in heads.items():
            self._hub.hear_of(chat_id, revision)

    async def _fill(self, room: Room) -> None:
        after, said = room.head, room.known_head
        changes = await self._threads.run(history.changes_after, room.chat_id, after)
        logger.info("read what was lost", extra={"chat_id": room.chat_id, "after": after})
        line = to_line({"type": "chat.changes", "chat_id": room.chat_id, **changes})
        room.move_to(changes["revision"], line if changes["changes"] else "")
        # Nothing was heard in the meantime: the announced change is there now, or never was.
        if not changes["more"] and room.known_head == said:
            room.forget_beyond_head()
        self._hub.note(room)
