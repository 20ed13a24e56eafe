"""Starting with the first request, and stopping without loss: Daphne has no lifespan events.

On SIGTERM (or Ctrl+C): /readyz says 503, what was begun is finished, sockets get `goodbye` and
1012, the relay stops; then the server's own handler ends the process.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Coroutine
from typing import Any, Final

from chat.live.runtime import runtime, stop_runtime
from chat.pictures import checking as pictures
from messaging.handling import background

logger = logging.getLogger(__name__)

# Of the 15 s in which a stopped process must be gone.
MAX_DRAIN_SECONDS: Final = 8.0
RELAY_SECONDS: Final = 4.0
# Python waits for its threads at the end, and they may wait for the database for ever.
MAX_STOP_SECONDS: Final = 14.0

Scope = dict[str, Any]


# Python's default is 700 allocations: with thousands of live objects to a socket the collector took
# a tenth of the time of a busy process. Reference counts free nearly everything anyway.
COLLECT_AFTER_ALLOCATIONS: Final = 50_000


def _calm_garbage_collector() -> None:
    """Leaves the code and everything else that was there at the start out of every collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_ALLOCATIONS, 20, 20)


class Lifecycle:
    def __init__(self, application: Any) -> None:
        self._application = application
        self._started_on: asyncio.AbstractEventLoop | None = None

    def __call__(self, scope: Scope, receive: Any, send: Any) -> Coroutine[Any, Any, None]:
        """In a running loop. No coroutine of its own: sockets are many, and each keeps its own."""
        loop = asyncio.get_running_loop()
        if self._started_on is not loop:
            self._started_on = loop
            self._start(loop)
        answer: Coroutine[Any, Any, None] = self._application(scope, receive, send)
        return answer

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        _calm_garbage_collector()
        runtime()
        background.ensure_started()
        for number in (signal.SIGTERM, signal.SIGINT):
            previous = signal.getsignal(number)
            try:
                loop.add_signal_handler(number, self._stop_once, loop, number, previous)
            except (NotImplementedError, ValueError, RuntimeError):
                # Not the main thread (tests), or Windows: the server's own handler stays.
                return

    def _stop_once(self, loop: asyncio.AbstractEventLoop, number: int, previous: Any) -> None:
        """The first signal drains; a second one ends at once."""
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _end_in_any_case(number)
        loop.create_task(self._drain_then_stop(number, previous))

    async def _drain_then_stop(self, number: int, previous: Any) -> None:
        logger.info("stopping: finishing work in progress; signal again to stop at once")
        pictures.close()
        try:
            await asyncio.wait_for(stop_runtime(), MAX_DRAIN_SECONDS)
            await asyncio.to_thread(background.stop, RELAY_SECONDS)
        except Exception as error:  # noqa: BLE001
            # The process ends in any case.
            logger.warning("stopped before everything was finished", extra={"error": repr(error)})
        if callable(previous):
            previous(number, None)
        else:
            signal.raise_signal(number)


def _end_in_any_case(number: int) -> None:
    """By the signal itself, whose default action it is by then."""
    timer = threading.Timer(MAX_STOP_SECONDS, os.kill, [os.getpid(), number])
    timer.daemon = True
    timer.start()
