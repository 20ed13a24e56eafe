"""The live part of a server process: hub, poster, receipts, watch. One per event loop, created
lazily.

Daphne has no lifespan events, so the first socket or request starts it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from chat.database.threads import DatabaseThreads
from chat.live.hub.hub import Hub
from chat.live.hub.sockets import Socket
from chat.live.poster import Poster
from chat.live.presence import Presence
from chat.live.receipt_buffer import ReceiptBuffer
from chat.live.report import WebReport
from chat.live.together import Together
from chat.live.watch import Watch
from chat.reads.newcomers import rooms_of, standings_of
from chat.reads.sessions import signed_in
from chat.wire.payloads import to_line
from chat.wire.protocol import CloseCode

logger = logging.getLogger(__name__)

# Reads for sockets: mostly one at a time, more where some are slow.
READING_THREADS: Final = 4
GOODBYE_RETRY_SECONDS: Final = 2
# For what was begun: whatever the database does, sockets are told in time.
WORK_SECONDS: Final = 5.0
# For browsers to answer a close: ended before that, a connection may lose it on its way.
CLOSING_SECONDS: Final = 1.5

_runtimes: dict[int, Runtime] = {}


class Runtime:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.poster = Poster()
        self.threads = DatabaseThreads("reader", size=READING_THREADS, may_read=self.poster.rests)
        self.sign_ins = Together(self.threads, signed_in)
        self.rooms = Together(self.threads, rooms_of)
        self.standings = Together(self.threads, standings_of)
        self.hub = Hub(self.threads)
        self.receipts = ReceiptBuffer(self.threads, self.hub.count_people)
        self.presence = Presence(self.hub)
        self.watch = Watch(self.hub, self.presence, self.threads)
        self.report = WebReport(self.hub, self.poster, self.threads)
        self.is_draining = False
        self.has_stopped = False

    def start(self) -> None:
        self.hub.start()
        self.watch.start()
        self.report.start()

    async def drain(self) -> None:
        """Finishes work in progress, says goodbye to every socket and closes it with 1012."""
        self.is_draining = True
        try:
            await asyncio.wait_for(self._finish_work(), WORK_SECONDS)
        except TimeoutError:
            logger.warning("the database takes too long: not all work could be finished")
        sockets = self.hub.sockets
        await self.send_away(sockets)
        await self._until_gone()
        logger.info("drained", extra={"sockets": len(sockets)})

    async def send_away(self, sockets: Collection[Socket]) -> None:
        """The process ends: they come back to another one, or to the next."""
        goodbye = to_line(
            {"type": "goodbye", "reason": "restarting", "retry_after": GOODBYE_RETRY_SECONDS}
        )
        for socket in sockets:
            socket.put(goodbye)
        closing = [socket.close(CloseCode.RESTARTING) for socket in sockets]
        await asyncio.gather(*closing, return_exceptions=True)

    async def _finish_work(self) -> None:
        await self.poster.drain()
        await self.receipts.drain()

    async def _until_gone(self) -> None:
        give_up_at = self.loop.time() + CLOSING_SECONDS
        # Once in a process's life: not worth an event that each socket's end would look at.
        while self.hub.people and self.loop.time() < give_up_at:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        self.has_stopped = True
        await self.watch.stop()
        await self.report.stop()
        await self.hub.stop()
        await self.poster.close()
        await self.loop.run_in_executor(None, self.threads.close)


def runtime() -> Runtime:
    """The running loop's; started when first requested."""
    loop = asyncio.get_running_loop()
    found = _runtimes.get(id(loop))
    if found is None or found.loop is not loop:
        found = _runtimes[id(loop)] = Runtime()
        found.start()
    return found


async def stop_runtime() -> None:
    """Drains and stops the running loop's, where there is one. It stays the loop's: whoever comes
    afterwards is sent away."""
    found = _runtimes.get(id(asyncio.get_running_loop()))
    if found is not None and not found.has_stopped:
        await found.drain()
        await found.stop()


def forget_runtime() -> None:
    """The running loop's next one is new."""
    _runtimes.pop(id(asyncio.get_running_loop()), None)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of this process; `posts` since its start."""

    sockets: int
    people: int
    posts: int


def counts() -> Counts:
    """From any thread."""
    running = list(_runtimes.values())
    people = [sockets for one in running for sockets in list(one.hub.people.values())]
    return Counts(sum(map(len, people)), len(people), sum(one.poster.taken for one in running))


def is_draining() -> bool:
    """Also once it has stopped."""
    return any(runtime.is_draining for runtime in _runtimes.values())
