"""The hub's one channel on the layer: joins its groups, listens, and joins again after an outage.

The layer loses what is sent while it is down, and forgets its groups when it restarts; the hub is
told which chats to doubt, and compares revisions.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from chat.events.hub_commands import (
    HUBS_GROUP,
    HubCommand,
    layer_message,
    read_commands,
    shard_group,
    shard_of,
)
from chat.live.hub.listeners import ANNOUNCE_SECONDS, Listeners
from messaging.outages import REDIS

logger = logging.getLogger(__name__)

# Redis keeps a membership for a day (group_expiry), and loses it with a restart.
REJOIN_SECONDS: Final = 15.0
MAX_WAITING_BATCHES: Final = 1000
MAX_PAUSE_SECONDS: Final = 5.0
# No answer from the layer for this long counts as an outage (a frozen Redis never answers).
PATIENCE_SECONDS: Final = 5.0
MAX_TRIES: Final = 3
CANCEL_AGAIN_SECONDS: Final = 0.5
# Between announcements: a crowd's many shards are announced together.
SPACE_SECONDS: Final = 0.1
# By now the others have usually read an announcement, and send what it asks for.
READ_SECONDS: Final = 0.5


class LayerLink:
    def __init__(
        self,
        origin: str,
        rooms: Mapping[int, object],
        *,
        deliver: Callable[[Iterable[HubCommand]], None],
        doubt: Callable[[Iterable[int]], None],
        stood_still: Callable[[], None],
    ) -> None:
        """`doubt`: these chats may have changed unheard. `stood_still`: anything may be lost."""
        self._origin = origin
        self._rooms = rooms
        self._deliver = deliver
        self._doubt = doubt
        self._stood_still = stood_still
        self._listeners = Listeners(origin)
        self._loop = asyncio.get_running_loop()
        self._layer = get_channel_layer()
        self._channel = ""
        self._waiting: deque[Sequence[HubCommand]] = deque(maxlen=MAX_WAITING_BATCHES)
        self._to_send = asyncio.Event()
        self._to_announce = asyncio.Event()
        self._memberships = asyncio.Lock()
        self._groups: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.is_up = False

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._receive_forever(), name="layer-receive"),
            asyncio.create_task(self._send_forever(), name="layer-send"),
            asyncio.create_task(self._stay_known_forever(), name="layer-announce"),
        ]

    async def stop(self) -> None:
        await end(self._tasks)
        if self._channel:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._leave()
            except Exception as error:  # noqa: BLE001
                # Leaving is a courtesy: the membership ends by itself.
                logger.info("the layer could not be told", extra={"error": type(error).__name__})

    def send(self, commands: Sequence[HubCommand]) -> None:
        """To the hubs of the other processes; the oldest are dropped while the layer is down."""
        if commands:
            self._waiting.append(commands)
            self._to_send.set()

    def listen(self, chat_id: int) -> None:
        """From now on, hear of this chat, for as long as it has a room."""
        if self._listeners.listen(chat_id):
            self._to_announce.set()

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
        await self._enter(again=True)
        if not self.is_up:
            self.is_up = True
            logger.info("on the channel layer", extra={"hub": self._origin})
            self._come_back()

    def _come_back(self) -> None:
        """What was sent in the meantime may be lost, or was never sent to us."""
        miss = self._stood_still if self._listeners.has_stood_still() else self._doubt_all
        self._listeners.came_back()
        self._to_announce.set()
        miss()

    async def _enter(self, *, again: bool = False) -> None:
        """Makes our groups those of our shards: when it returns, they are. `again`: also those
        that we are thought to be in; the layer may have forgotten it."""
        async with self._memberships:
            while (wanted := self._wanted_groups()) != self._groups or again:
                for group in self._groups - wanted:
                    await self._quit(group)
                for group in sorted(wanted if again else wanted - self._groups):
                    await _patiently(self._layer.group_add(group, self._channel))
                    self._groups.add(group)
                again = False

    def _wanted_groups(self) -> set[str]:
        return {HUBS_GROUP, *map(shard_group, self._listeners.own)}

    async def _quit(self, group: str) -> None:
        await _patiently(self._layer.group_discard(group, self._channel))
        self._groups.discard(group)

    async def _leave(self) -> None:
        await self._layer.group_send(HUBS_GROUP, self._listeners.farewell())
        for group in sorted(self._groups):
            await self._quit(group)

    async def _stay_known_forever(self) -> None:
        rejoin_at = self._loop.time() + REJOIN_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANNOUNCE_SECONDS * random.uniform(0.8, 1)):  # noqa: S311
                    await self._to_announce.wait()
            self._to_announce.clear()
            is_due = self._loop.time() >= rejoin_at
            try:
                await self._stay_known(again=is_due)
                if is_due:
                    rejoin_at = self._loop.time() + REJOIN_SECONDS
            except Exception as error:  # noqa: BLE001
                # As above.
                self._note_down(error)
            await asyncio.sleep(SPACE_SECONDS)

    async def _stay_known(self, *, again: bool) -> None:
        """`again`: the layer may have forgotten our groups."""
        if self.is_up and self._listeners.has_stood_still():
            self._come_back()
        if again or not self.is_up:
            self._listeners.keep(self._rooms)
            await self._join()
        await self._announce()

    async def _announce(self) -> None:
        await self._enter()
        message = self._listeners.announcement(self._channel)
        await _patiently(self._layer.group_send(HUBS_GROUP, message))
        REDIS.worked()
        if fresh := self._listeners.just_announced:
            self._loop.call_later(READ_SECONDS, self._doubt_shards, fresh)

    def _doubt_all(self) -> None:
        self._doubt(self._rooms)

    def _doubt_shards(self, shards: Collection[int]) -> None:
        if shards:
            self._doubt([chat_id for chat_id in self._rooms if shard_of(chat_id) in shards])

    async def _send_forever(self) -> None:
        while True:
            await self._to_send.wait()
            self._to_send.clear()
            while self._waiting:
                batches = list(self._waiting)
                self._waiting.clear()
                await self._send([command for batch in batches for command in batch])

    async def _send(self, commands: list[HubCommand]) -> None:
        self._listeners.expect(commands)
        for channel, told in self._listeners.posts(commands):
            await self._send_to(channel, layer_message(told, origin=self._origin))

    async def _send_to(self, channel: str, message: dict[str, Any]) -> None:
        """To all hubs when no channel is named."""
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                if channel:
                    await _patiently(self._layer.send(channel, message))
                else:
                    await _patiently(self._layer.group_send(HUBS_GROUP, message))
                return
            except ChannelFull:
                # It reads too slowly, and finds by comparing revisions what it did not get.
                logger.info("another hub does not keep up")
                return
            except Exception as error:  # noqa: BLE001
                # A connection that died with the last Redis fails once; the next one is fresh.
                if tries_left and not isinstance(error, TimeoutError):
                    continue
                # Lost, with nothing to repair here: other hubs find it by comparing revisions.
                self._note_down(error)
                return

    def _take(self, message: dict[str, Any]) -> None:
        origin = message["origin"]
        if origin == self._origin:
            return
        if origin:
            self._hear(origin, message)
        commands = list(read_commands(message))
        self._listeners.expect(commands)
        self._deliver(commands)

    def _hear(self, origin: str, message: dict[str, Any]) -> None:
        is_stranger = not self._listeners.knows(origin)
        self._doubt_shards(self._listeners.hear(message))
        if is_stranger and self._listeners.knows(origin):
            # It may not know us either. Not everyone at the same moment.
            moment = random.random()  # noqa: S311  (jitter, no secret)
            self._loop.call_later(moment, self._to_announce.set)

    def _note_down(self, error: Exception) -> None:
        REDIS.failed(f"the channel layer ({type(error).__name__})")
        self.is_up = False
        self._listeners.lose_sight()


async def _patiently(call: Awaitable[None]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await call


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancels until they are done: a layer's client may swallow a cancellation on its way."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
