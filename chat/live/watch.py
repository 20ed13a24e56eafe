"""What a process checks from time to time: lost revisions, silent sockets, ended sessions.

Each round works through everyone in shares: doing all at once, and receiving all answers at once,
would delay the people who are talking.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from itertools import cycle
from typing import Final

from chat.database.threads import DATABASE_AWAY, DatabaseThreads
from chat.events.audiences import PRESENCE, audiences_of_people
from chat.live.hub.hub import Hub
from chat.live.hub.sockets import Socket
from chat.live.presence import RENEW_SECONDS, Presence
from chat.reads import sessions
from chat.reads.blocks import people_apart
from chat.reads.sessions import OpenSession
from chat.reads.summaries import small_chats, summaries_of
from chat.services.people.sign_ins import see_sign_ins
from chat.wire.payloads import to_line
from chat.wire.protocol import CloseCode

logger = logging.getLogger(__name__)

HEADS_SECONDS: Final = (20.0, 25.0)
RECHECK_EVERYONE_SECONDS: Final = 55.0
# The number of shares. A share of the heads needs no database query, the others do.
HEADS_SHARES: Final = 50
RECHECK_SHARES: Final = 11
PRESENCE_SHARES: Final = 5


class Shares:
    """Shares of ids, in turn: each id comes up again after `count` calls."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._turns = cycle(range(count))

    def next_of(self, ids: Iterable[int]) -> set[int]:
        turn = next(self._turns)
        return {one for one in ids if one % self._count == turn}


class Watch:
    def __init__(self, hub: Hub, presence: Presence, threads: DatabaseThreads) -> None:
        self._hub = hub
        self._presence = presence
        self._threads = threads
        self._tasks: list[asyncio.Task[None]] = []
        self._asked = Shares(HEADS_SHARES)
        self._rechecked = Shares(RECHECK_SHARES)
        self._renewed = Shares(PRESENCE_SHARES)
        # One check at a time: an older one must not overwrite what a newer one has found.
        self._looking = asyncio.Lock()

    def start(self) -> None:
        rounds = (
            self._doubt_everything,
            self._send_heads,
            self._recheck_called,
            self._recheck_everyone,
            self._renew_presence,
        )
        self._tasks = [asyncio.create_task(_forever(one), name=one.__name__) for one in rounds]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def recheck(self, user_ids: Collection[int]) -> None:
        """Closes these people's sockets that are no longer allowed; corrects what the others
        receive."""
        async with self._looking:
            await self._look_at(user_ids)

    async def _look_at(self, user_ids: Collection[int]) -> None:
        sockets = self._hub.sockets_of(user_ids)
        if not sockets:
            return
        open_sessions = {OpenSession(s.user_id, s.session_key) for s in sockets}
        holding = await self._threads.run(sessions.holding, open_sessions)
        had = {socket: set(socket.chat_ids) for socket in sockets}
        people = {s.user_id for s in sockets}
        chats = await self._threads.run(sessions.chats_of, people)
        audiences = await self._threads.run(audiences_of_people, people)
        apart = await self._threads.run(people_apart, people)
        shown: set[int] = set()
        for socket in sockets:
            if OpenSession(socket.user_id, socket.session_key) not in holding:
                self._hub.unregister(socket)
                await socket.close(CloseCode.SIGNED_OUT)
            else:
                shown |= self._begins_to_show(socket, audiences[socket.user_id])
                self._keep_apart(socket, apart[socket.user_id])
                await self._mend(socket, had[socket], chats[socket.user_id])
        if shown:
            await self._say_who_is_here(shown)

    def _begins_to_show(self, socket: Socket, audiences: frozenset[str]) -> set[int]:
        """The chats in which the person has just started to show presence."""
        begins = PRESENCE in audiences - socket.audiences
        socket.audiences = audiences
        return set(socket.chat_ids) if begins else set()

    def _keep_apart(self, socket: Socket, apart: frozenset[int]) -> None:
        """To the page, people newly hidden by a block have gone, and those no longer hidden are
        back."""
        before, socket.apart = socket.apart, apart
        if before is not None and socket.is_welcome:
            self._presence.tell_socket(socket, apart - before, online=False)
            self._presence.tell_socket(socket, before - apart, online=True)

    async def _say_who_is_here(self, chat_ids: Collection[int]) -> None:
        self._presence.renew(await self._threads.run(small_chats, chat_ids))

    async def _mend(self, socket: Socket, had: set[int], chat_ids: set[int]) -> None:
        """Applies joins and leaves that the layer lost; chats joined since the check stay."""
        for chat_id in had - chat_ids:
            self._hub.leave(socket, chat_id)
            self._hub.put(socket, to_line({"type": "chat.removed", "chat_id": chat_id}))
        # A socket that has not had its welcome yet learns its chats from it.
        missing = chat_ids - socket.chat_ids if socket.is_welcome else set()
        if not missing:
            return
        for chat_id in missing:
            self._hub.join(socket, chat_id)
        found = await self._threads.run(summaries_of, socket.user_id, list(missing))
        for chat in found:
            # Anyone removed since then has been taken out again.
            if chat["id"] in socket.chat_ids:
                self._hub.hear_of(chat["id"], chat["revision"], newcomer=True)
                self._hub.put(socket, to_line({"type": "chat.created", "chat": chat}))
        for chat_id in missing - {chat["id"] for chat in found}:
            self._hub.leave(socket, chat_id)

    async def _doubt_everything(self) -> None:
        """What neither road delivered is found here at the latest."""
        await asyncio.sleep(_round_of_heads())
        self._hub.healer.doubt(self._hub.rooms)

    async def _send_heads(self) -> None:
        await asyncio.sleep(_round_of_heads() / HEADS_SHARES)
        now = time.monotonic()
        user_ids = self._asked.next_of(self._hub.people)
        for socket in self._hub.sockets_of(user_ids):
            if socket.is_too_slow(now):
                logger.info("too slow", extra={"user_id": socket.user_id})
                self._hub.unregister(socket)
                await socket.close(CloseCode.TOO_SLOW)
            else:
                self._hub.put(socket, self._hub.heads_line(socket))

    async def _recheck_called(self) -> None:
        user_ids = await self._hub.next_recheck()
        try:
            await self.recheck(user_ids)
        except DATABASE_AWAY:
            self._hub.recheck(user_ids)
            raise

    async def _recheck_everyone(self) -> None:
        await asyncio.sleep(RECHECK_EVERYONE_SECONDS / RECHECK_SHARES)
        user_ids = self._rechecked.next_of(self._hub.people)
        await self.recheck(user_ids)
        if in_use := {socket.session_key for socket in self._hub.sockets_of(user_ids)}:
            await self._threads.run(see_sign_ins, in_use)

    async def _renew_presence(self) -> None:
        await asyncio.sleep(RENEW_SECONDS / PRESENCE_SHARES)
        await self._say_who_is_here(self._renewed.next_of(self._hub.rooms))


def _round_of_heads() -> float:
    return random.uniform(*HEADS_SECONDS)  # noqa: S311  (jitter, no secret)


async def _forever(one_round: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await one_round()
        except DATABASE_AWAY:
            await asyncio.sleep(1)
        except Exception as error:  # noqa: BLE001
            # The watch survives any error.
            logger.warning("a round of the watch failed", extra={"error": type(error).__name__})
            await asyncio.sleep(1)
