"""One per process: carries out commands for that process's sockets.

Own commands come straight from the commit, those of other processes over one channel of the layer
(docs/decisions/0014); what the layer loses is found by comparing revisions and read from the
database. Belongs to one event loop; only `publish` may be called from other threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Final, assert_never
from uuid import uuid4

from chat.database.threads import DatabaseThreads
from chat.events.hub_commands import HubCommand, Kind, use_hub
from chat.live.hub.healing import Healer
from chat.live.hub.layer_link import LayerLink
from chat.live.hub.rooms import Room
from chat.live.hub.sockets import Socket
from chat.wire.payloads import to_line
from messaging.measures import FAN_OUT_SECONDS

logger = logging.getLogger(__name__)

# After this many sockets the event loop gets a turn to read what has arrived.
SOCKETS_PER_TURN: Final = 64
UNHURRIED_SECONDS: Final = 0.15
# A process that has missed much checks everyone's session: in portions, as the watch does.
MAX_RECHECKED: Final = 500


class Hub:
    def __init__(self, threads: DatabaseThreads) -> None:
        self.id = uuid4().hex
        self.rooms: dict[int, Room] = {}
        self.people: dict[int, set[Socket]] = defaultdict(set)
        self.rechecks: set[int] = set()
        self.hear_presence: Callable[[int, int], None] = lambda chat_id, user_id: None
        self.hear_absence: Callable[[int], None] = lambda user_id: None
        self.healer = Healer(self, threads)
        self.link = LayerLink(
            self.id,
            self.rooms,
            deliver=self.deliver,
            doubt=self.healer.doubt,
            stood_still=self._doubt_everything,
        )
        self._loop = asyncio.get_running_loop()
        self._dirty_rooms: set[Room] = set()
        self._dirty_sockets: dict[Socket, None] = {}
        self._to_flush = asyncio.Event()
        self._to_recheck = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._flush_forever(), name="hub-flush"),
            asyncio.create_task(self.healer.run(), name="hub-heal"),
        ]
        self.link.start()
        use_hub(self.publish)

    async def stop(self) -> None:
        use_hub(None)
        await self.link.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Who listens

    def register(self, socket: Socket) -> None:
        self.people[socket.user_id].add(socket)

    def unregister(self, socket: Socket) -> None:
        for chat_id in list(socket.chat_ids):
            self.leave(socket, chat_id)
        own = self.people[socket.user_id]
        own.discard(socket)
        if not own:
            del self.people[socket.user_id]
        self._dirty_sockets.pop(socket, None)

    def join(self, socket: Socket, chat_id: int) -> None:
        room = self.rooms.get(chat_id)
        if room is None:
            room = self.rooms[chat_id] = Room(chat_id)
            self.link.listen(chat_id)
        room.sockets.add(socket)
        socket.chat_ids.add(chat_id)

    def leave(self, socket: Socket, chat_id: int) -> None:
        socket.chat_ids.discard(chat_id)
        room = self.rooms.get(chat_id)
        if room is None:
            return
        room.sockets.discard(socket)
        if not room.sockets:
            del self.rooms[chat_id]
            self._dirty_rooms.discard(room)

    @property
    def sockets(self) -> list[Socket]:
        return self.sockets_of(self.people)

    def sockets_of(self, user_ids: Iterable[int]) -> list[Socket]:
        return [socket for user_id in user_ids for socket in self.people.get(user_id, ())]

    def count_people(self, chat_id: int) -> int:
        """How many of the chat's members are connected here."""
        room = self.rooms.get(chat_id)
        return len({socket.user_id for socket in room.sockets}) if room else 0

    # What they get

    def publish(self, commands: Sequence[HubCommand]) -> None:
        """From any thread: to this process's sockets, and to the hubs of the other processes."""
        self._loop.call_soon_threadsafe(partial(self._publish, commands))

    def _publish(self, commands: Sequence[HubCommand]) -> None:
        self.deliver(commands)
        self.link.send(commands)

    def deliver(self, commands: Iterable[HubCommand]) -> None:
        """To this process's sockets only; never waits."""
        for command in commands:
            match command.kind:
                case Kind.CHAT:
                    self._deliver_to_room(command)
                case Kind.PERSON:
                    for socket in self.people.get(command.user_id, ()):
                        self.put(socket, command.line)
                case Kind.JOIN:
                    self._admit(command)
                case Kind.LEAVE:
                    self._dismiss(command)
                case Kind.HEAD:
                    self.hear_of(command.chat_id, command.revision)
                case Kind.PRESENT:
                    self.hear_presence(command.chat_id, command.user_id)
                case Kind.ABSENT:
                    self.hear_absence(command.user_id)
                case Kind.RECHECK:
                    self.recheck([command.user_id])
                case Kind.READING | Kind.DELIVERY | Kind.PRESENCE:
                    self._deliver_aside(command)
                case _:
                    assert_never(command.kind)

    def put(self, socket: Socket, line: str) -> None:
        socket.put(line)
        self._dirty_sockets[socket] = None
        self._to_flush.set()

    def welcome(self, socket: Socket, line: str, heads: dict[int, int]) -> None:
        """`heads`: the revisions at which the newcomer's welcome was read."""
        for chat_id, revision in heads.items():
            self.hear_of(chat_id, revision, newcomer=True)
        socket.welcome(line)
        self._dirty_sockets[socket] = None
        self._to_flush.set()

    def hear_of(self, chat_id: int, revision: int, *, newcomer: bool = False) -> None:
        room = self.rooms.get(chat_id)
        if room is None:
            return
        if newcomer:
            room.learn_head(revision)
        else:
            room.hear_of(revision)
        self.note(room)

    def recheck(self, user_ids: Iterable[int]) -> None:
        self.rechecks.update(user_ids)
        self._to_recheck.set()

    def _doubt_everything(self) -> None:
        self.healer.doubt(self.rooms)
        self.recheck(self.people)

    async def next_recheck(self) -> set[int]:
        """Waits for people whose sockets must prove their session; not all of many at once."""
        await self._to_recheck.wait()
        people = set(islice(self.rechecks, MAX_RECHECKED))
        self.rechecks -= people
        if not self.rechecks:
            self._to_recheck.clear()
        return people

    def _deliver_to_room(self, command: HubCommand) -> None:
        room = self.rooms.get(command.chat_id)
        if room is None:
            return
        room.add(command.line, command.revision)
        if command.revision:
            self.note(room)
        else:
            self._dirty_rooms.add(room)
            self._flush_soon()

    def _deliver_aside(self, command: HubCommand) -> None:
        room = self.rooms.get(command.chat_id)
        if room is not None:
            room.add_aside(command.kind, command.line, about=command.user_id)
            self._dirty_rooms.add(room)
            self._flush_soon()

    def _flush_soon(self) -> None:
        """For lines that nobody waits for (ticks, typing): they join other lines, or go a moment
        later."""
        if self._soon is None:
            self._soon = self._loop.call_later(UNHURRIED_SECONDS, self._to_flush.set)

    def _admit(self, command: HubCommand) -> None:
        for socket in self.people.get(command.user_id, ()):
            self.join(socket, command.chat_id)
        if command.chat_id in self.rooms:
            self.hear_of(command.chat_id, command.revision, newcomer=True)
            # Changes announced before it came found no room here.
            self.healer.doubt([command.chat_id])

    def _dismiss(self, command: HubCommand) -> None:
        for socket in list(self.people.get(command.user_id, ())):
            self.leave(socket, command.chat_id)

    def note(self, room: Room) -> None:
        """The room has lines to write, or has heard of changes that it is missing."""
        self._dirty_rooms.add(room)
        self._to_flush.set()
        if room.is_behind:
            self.healer.wake()

    # Writing: everything waiting for a socket goes out as one frame

    async def _flush_forever(self) -> None:
        while True:
            await self._to_flush.wait()
            # Whatever else is ready in this turn of the loop (the sender's reply) joins the frame.
            await asyncio.sleep(0)
            self._to_flush.clear()
            if self._soon is not None:
                self._soon.cancel()
                self._soon = None
            try:
                with FAN_OUT_SECONDS.time():
                    await self._flush()
            except Exception:
                # A bug in one round must not silence the process.
                logger.exception("a flush failed")

    async def _flush(self) -> None:
        rooms, self._dirty_rooms = self._dirty_rooms, set()
        sockets, self._dirty_sockets = self._dirty_sockets, {}
        for room in rooms:
            block = room.take_block()
            if block:
                for socket in room.sockets:
                    socket.put(block)
                sockets.update(dict.fromkeys(room.sockets))
            if room.has_asides:
                sockets.update(dict.fromkeys(room.put_asides()))
        for written, socket in enumerate(sockets, start=1):
            await self._write(socket)
            if written % SOCKETS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _write(self, socket: Socket) -> None:
        try:
            if not socket.write():
                await socket.flush()
            if socket.should_be_asked():
                self.put(socket, self.heads_line(socket))
        except Exception as error:  # noqa: BLE001
            # Whatever the server raises for a connection that is gone; the others go on.
            logger.info("a socket could not be written", extra={"error": type(error).__name__})
            self.unregister(socket)

    def heads_line(self, socket: Socket) -> str:
        """The revision of each of the socket's chats, for the browser to compare and answer."""
        rooms = (self.rooms.get(chat_id) for chat_id in socket.chat_ids)
        heads = {str(room.chat_id): room.head for room in rooms if room and room.head is not None}
        return to_line({"type": "heads", "heads": heads})
