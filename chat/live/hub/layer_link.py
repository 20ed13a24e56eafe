"""The hub's one channel on the layer: joins it, listens, and joins again after an outage.

The layer loses what is sent while it is down, and forgets its groups when it restarts; users of
this class are told through `came_back` and compare revisions.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final

from channels.layers import get_channel_layer

from chat.events.hub_commands import HUBS_GROUP, HubCommand, layer_message, read_commands

logger = logging.getLogger(__name__)

# Redis keeps a membership for a day (group_expiry), and loses it with a restart.
REJOIN_SECONDS: Final = 15.0
MAX_WAITING_BATCHES: Final = 1000
MAX_PAUSE_SECONDS: Final = 5.0
# No answer from the layer for this long counts as an outage (a frozen Redis never answers).
PATIENCE_SECONDS: Final = 5.0
MAX_TRIES: Final = 3
CANCEL_AGAIN_SECONDS: Final = 0.5


class LayerLink:
    def __init__(
        self,
        origin: str,
        *,
        deliver: Callable[[Iterable[HubCommand]], None],
        came_back: Callable[[], None],
    ) -> None:
        self._origin = origin
        self._deliver = deliver
        self._came_back = came_back
        self._layer = get_channel_layer()
        self._channel = ""
        self._waiting: deque[Sequence[HubCommand]] = deque(maxlen=MAX_WAITING_BATCHES)
        self._to_send = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.is_up = False

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._receive_forever(), name="layer-receive"),
            asyncio.create_task(self._send_forever(), name="layer-send"),
            asyncio.create_task(self._rejoin_forever(), name="layer-rejoin"),
        ]

    async def stop(self) -> None:
        await end(self._tasks)
        if self._channel:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._layer.group_discard(HUBS_GROUP, self._channel)
            except Exception as error:  # noqa: BLE001
                # Leaving is a courtesy: the membership ends by itself.
                logger.info("the layer could not be told", extra={"error": type(error).__name__})

    def send(self, commands: Sequence[HubCommand]) -> None:
        """To the hubs of the other processes; the oldest are dropped while the layer is down."""
        self._waiting.append(commands)
        self._to_send.set()

    async def _receive_forever(self) -> None:
        pause = 0.1
        while True:
            try:
                await self._join()
                pause = 0.1
                while True:
                    self._take(await self._layer.receive(self._channel))
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001
                # Whatever the layer's client raises during an outage: try again.
                self._note_down(error)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  (jitter, no secret)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    async def _join(self) -> None:
        self._channel = self._channel or await self._layer.new_channel("hub")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._layer.group_add(HUBS_GROUP, self._channel)
        if not self.is_up:
            self.is_up = True
            logger.info("on the channel layer", extra={"hub": self._origin})
            self._came_back()

    async def _rejoin_forever(self) -> None:
        while True:
            await asyncio.sleep(REJOIN_SECONDS)
            try:
                await self._join()
            except Exception as error:  # noqa: BLE001
                # As above; the receiver comes back by itself.
                self._note_down(error)

    async def _send_forever(self) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            while self._waiting:
                batches = list(self._waiting)
                self._waiting.clear()
                await self._send([command for batch in batches for command in batch])

    async def _send(self, commands: list[HubCommand]) -> None:
        message = layer_message(commands, origin=self._origin)
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._layer.group_send(HUBS_GROUP, message)
                return
            except Exception as error:  # noqa: BLE001
                # A connection that died with the last Redis fails once; the next one is fresh.
                if tries_left and not isinstance(error, TimeoutError):
                    continue
                # Lost, with nothing to repair here: other hubs find it by comparing revisions.
                self._note_down(error)
                return

    def _take(self, message: dict[str, Any]) -> None:
        if message["origin"] != self._origin:
            self._deliver(read_commands(message))

    def _note_down(self, error: Exception) -> None:
        if self.is_up:
            logger.warning(
                "the channel layer is unavailable", extra={"error": type(error).__name__}
            )
        self.is_up = False


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancels until they are done: a layer's client may swallow a cancellation on its way."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
