"""The live part of a server process: hub, poster, receipts, watch. One per event loop, created
lazily.

Daphne has no lifespan events, so the first socket or request starts it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from chat.database.threads import DatabaseThreads
from chat.live.hub.hub import Hub
from chat.live.poster import Poster
from chat.live.presence import Presence
from chat.live.receipt_buffer import ReceiptBuffer
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
        self.is_draining = False

    def start(self) -> None:
        self.hub.start()
        self.watch.start()

    async def drain(self) -> None:
        """Finishes work in progress, says goodbye to every socket and closes it with 1012."""
        self.is_draining = True
        await self.poster.drain()
        await self.receipts.drain()
        goodbye = to_line(
            {"type": "goodbye", "reason": "restarting", "retry_after": GOODBYE_RETRY_SECONDS}
        )
        sockets = self.hub.sockets
        for socket in sockets:
            socket.put(goodbye)
        closing = [socket.close(CloseCode.RESTARTING) for socket in sockets]
        await asyncio.gather(*closing, return_exceptions=True)
        logger.info("drained", extra={"sockets": len(sockets)})

    async def stop(self) -> None:
        await self.watch.stop()
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
    """Drains and stops the running loop's, where there is one."""
    key = id(asyncio.get_running_loop())
    found = _runtimes.get(key)
    if found is not None:
        await found.drain()
        await found.stop()
        del _runtimes[key]


def is_draining() -> bool:
    return any(runtime.is_draining for runtime in _runtimes.values())
