"""Processes beside each other: each hears of the chats that it has rooms of, and misses nothing.

Another process is here another hub, or another link, on the same layer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer, channel_layers, get_channel_layer

from chat.events import hub_commands
from chat.events.hub_commands import HubCommand, layer_message, spread, use_hub
from chat.live.hub import layer_link, listeners
from chat.live.hub.hub import MAX_RECHECKED, Hub
from chat.live.hub.layer_link import LayerLink
from chat.live.hub.sockets import Socket
from chat.live.runtime import runtime
from chat.models import Chat
from tests.integration.chat.conftest import in_thread, until
from tests.support import people
from tests.support.processes import PATIENCE


def line(chat_id: int, what: str = "typing") -> HubCommand:
    return HubCommand.to_chat(chat_id, {"type": what})


@pytest.fixture(autouse=True)
def quick(monkeypatch, settings):
    """Everything that takes seconds takes moments; leases are long enough for a busy machine."""
    settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0
    monkeypatch.setattr(listeners, "LEARN_SECONDS", 0.2)
    monkeypatch.setattr(layer_link, "ANNOUNCE_SECONDS", 0.1)
    monkeypatch.setattr(layer_link, "SPACE_SECONDS", 0.01)
    monkeypatch.setattr(layer_link, "REJOIN_SECONDS", 0.1)
    monkeypatch.setattr(layer_link, "READ_SECONDS", 0.1)


def own_layer() -> Any:
    """As a process has it. Only in memory, all are one."""
    shared = get_channel_layer()
    if isinstance(shared, InMemoryChannelLayer):
        return shared
    return channel_layers.make_backend("default")


async def close(link: LayerLink) -> None:
    """After it has stopped."""
    if link._layer is not get_channel_layer():
        await link._layer.close_pools()


class Process:
    """The link of another process, with rooms for these chats."""

    def __init__(self, name: str, *chat_ids: int) -> None:
        self.rooms: dict[int, object] = {}
        self.heard: list[HubCommand] = []
        self.doubted: list[int] = []
        self.link = LayerLink(
            name,
            self.rooms,
            deliver=self.heard.extend,
            doubt=self.doubted.extend,
            stood_still=lambda: None,
        )
        self.link._layer = own_layer()
        for chat_id in chat_ids:
            self.open(chat_id)

    def open(self, chat_id: int) -> None:
        self.rooms[chat_id] = object()
        self.link.listen(chat_id)

    @property
    def is_running(self) -> bool:
        return not any(task.done() for task in self.link._tasks)

    async def dies(self) -> None:
        await layer_link.end(self.link._tasks)

    async def has_heard(self, *commands: HubCommand) -> None:
        await until(lambda: len(self.heard) >= len(commands))
        assert self.heard == list(commands)
        self.heard.clear()

    def is_sure(self, *others: Process) -> bool:
        """It knows that it may be silent, and what these listen to."""
        known = self.link._listeners._leases
        return self.link._listeners._is_sure() and all(
            (lease := known.get(other.link._origin)) is not None
            and lease.channel
            and lease.shards == other.link._listeners.own
            for other in others
        )


@pytest.fixture
async def start(live) -> AsyncIterator[Callable[..., Any]]:
    """`await start(one, two)`: these run, and know each other."""
    started: list[Process] = []

    async def start_all(*processes: Process) -> None:
        for process in processes:
            process.link.start()
            started.append(process)
        running = [process for process in started if process.is_running]
        for process in running:
            await until(partial(process.is_sure, *(one for one in running if one is not process)))

    yield start_all
    for process in started:
        await process.link.stop()
        await close(process.link)


@pytest.fixture
def sent(monkeypatch) -> list[dict[str, Any]]:
    """The messages with commands that went to the layer."""
    found: list[dict[str, Any]] = []

    def noting(send):
        async def note_and_send(layer: Any, address: str, message: dict[str, Any]) -> None:
            if message["events"]:
                found.append(message)
            await send(layer, address, message)

        return note_and_send

    layers = type(get_channel_layer())
    for name in ("send", "group_send"):
        monkeypatch.setattr(layers, name, noting(getattr(layers, name)))
    return found


class TestProcess:
    async def test_hears_of_the_chats_that_it_has_rooms_of(self, start):
        us, one, two = Process("us"), Process("one", 1), Process("two", 2, 3)
        await start(us, one, two)
        us.link.send([line(1), line(2)])
        us.link.send([line(4)])
        us.link.send([line(3)])
        await one.has_heard(line(1))
        await two.has_heard(line(2), line(3))
        us.link.send([everyone := HubCommand.recheck(5)])
        await one.has_heard(everyone)
        await two.has_heard(everyone)

    async def test_sends_nothing_that_nobody_listens_to(self, start, sent):
        us, other = Process("us", 1), Process("other", 2)
        await start(us, other)
        for chat_id in (1, 3):
            us.link.send([line(chat_id)])
        us.link.send([line(2)])
        await other.has_heard(line(2))
        assert [message["events"][0][1] for message in sent] == [2]

    async def test_that_is_alone_sends_nothing(self, start, sent):
        us = Process("us", 1)
        await start(us)
        us.link.send([line(1), HubCommand.recheck(1)])
        await until(lambda: not us.link._waiting and not us.link._to_send.is_set())
        await start(Process("other", 1))
        assert sent == []

    async def test_is_heard_before_it_knows_who_listens(self, start, monkeypatch):
        other = Process("other", 1)
        await start(other)
        monkeypatch.setattr(listeners, "LEARN_SECONDS", 3600)
        newcomer = Process("newcomer")
        newcomer.link.start()
        try:
            newcomer.link.send([line(1)])
            await other.has_heard(line(1))
        finally:
            await newcomer.link.stop()
            await close(newcomer.link)

    async def test_hears_of_a_chat_from_the_first_line_after_somebody_joined(self, start):
        us, other = Process("us"), Process("other", 1)
        third = Process("third")
        await start(us, other, third)
        us.link.send([join := HubCommand.join(7, user_id=5, revision=1)])
        await other.has_heard(join)
        us.link.send([line(7)])
        await other.has_heard(line(7))
        third.link.send([line(7)])
        await other.has_heard(line(7))

    async def test_doubts_a_chat_that_it_begins_with_until_the_others_know(self, start):
        us, other = Process("us"), Process("other", 1)
        await start(us, other)
        await until(lambda: not us.doubted)
        other.doubted.clear()
        other.open(7)
        await until(lambda: us.is_sure(other))
        known_at = len(other.doubted)
        await until(lambda: len(other.doubted) > known_at)
        assert set(other.doubted) == {7}
        us.link.send([line(7)])
        await other.has_heard(line(7))

    async def test_doubts_a_chat_that_it_begins_with_before_anyone_answers(self, start):
        us = Process("us", 1)
        await start(us)
        await until(lambda: us.doubted)
        us.doubted.clear()
        us.open(7)
        await until(lambda: us.doubted == [7])

    async def test_doubts_its_chats_as_soon_as_the_layer_is_there(self, start, monkeypatch):
        monkeypatch.setattr(layer_link, "READ_SECONDS", 3600)
        us = Process("us", 1)
        await start(us)
        assert us.doubted == [1]

    async def test_is_in_the_group_of_a_chat_before_it_says_that_it_listens(
        self, start, monkeypatch
    ):
        """Also of a chat that it begins with while it enters another's group."""
        us, layers = Process("us"), type(get_channel_layer())
        await start(us)
        add, send = layers.group_add, layers.group_send
        said: list[tuple[set[str], set[str]]] = []

        async def add_and_open(layer: Any, group: str, channel: str) -> None:
            await add(layer, group, channel)
            if group == "hubs.1":
                us.open(2)

        async def note_and_send(layer: Any, group: str, message: dict[str, Any]) -> None:
            shards = message["listens"]["shards"]
            said.append(({f"hubs.{shard}" for shard in shards}, set(us.link._groups)))
            await send(layer, group, message)

        monkeypatch.setattr(layers, "group_add", add_and_open)
        monkeypatch.setattr(layers, "group_send", note_and_send)
        us.open(1)
        await until(lambda: any("hubs.2" in listens for listens, _ in said))
        monkeypatch.undo()
        assert all(listens <= groups for listens, groups in said)

    async def test_is_back_soon_after_one_call_has_failed(self, start, monkeypatch):
        """It goes on reading all the while, and so its reading does not find out."""
        monkeypatch.setattr(layer_link, "REJOIN_SECONDS", 3600)
        us = Process("us", 1)
        await start(us)
        us.doubted.clear()
        us.link._note_down(ConnectionError())
        assert not us.link._listeners._is_sure()
        await until(lambda: us.link.is_up and us.doubted and us.link._listeners._is_sure())

    async def test_is_known_to_a_newcomer_at_once(self, start, monkeypatch):
        """Not only when it announces itself the next time."""
        monkeypatch.setattr(layer_link, "ANNOUNCE_SECONDS", 3600)
        monkeypatch.setattr(listeners, "LEASE_SECONDS", 3600)
        await start(Process("us", 1))
        await start(Process("newcomer", 2))

    async def test_is_no_longer_told_of_a_chat_whose_room_is_gone(self, start, sent):
        us, other = Process("us"), Process("other", 1, 2)
        await start(us, other)
        del other.rooms[2]
        await until(lambda: us.is_sure(other) and other.link._listeners.own == {1})
        us.link.send([line(2)])
        us.link.send([line(1)])
        await other.has_heard(line(1))
        assert len(sent) == 1

    async def test_that_stops_is_no_longer_told(self, start, sent, monkeypatch):
        monkeypatch.setattr(listeners, "LEASE_SECONDS", 3600)
        us, other = Process("us"), Process("other", 1)
        await start(us, other)
        await other.link.stop()
        await until(lambda: not us.link._listeners.knows("other"))
        us.link.send([line(1)])
        await start(third := Process("third", 1))
        us.link.send([line(1)])
        await third.has_heard(line(1))
        assert len(sent) == 1

    async def test_that_died_is_no_longer_told_when_its_lease_ends(self, start, sent, monkeypatch):
        monkeypatch.setattr(listeners, "LEASE_SECONDS", 1.0 * PATIENCE)
        us, other, third = Process("us"), Process("other", 1), Process("third", 2)
        await start(us, other, third)
        await other.dies()
        await until(lambda: not us.link._listeners.knows("other"), seconds=30)
        await until(lambda: us.is_sure(third))
        us.link.send([line(1)])
        us.link.send([line(2)])
        await third.has_heard(line(2))
        assert [message["events"][0][1] for message in sent] == [2]

    async def test_of_an_older_version_is_told_everything_in_the_group_that_it_knows(self, start):
        layer = get_channel_layer()
        us = Process("us")
        await start(us)
        older = await layer.new_channel("hub")
        await layer.group_add("hubs", older)
        await layer.group_send("hubs", layer_message([line(1)], origin="of an older version"))
        await us.has_heard(line(1))
        us.link.send([line(9)])
        async with asyncio.timeout(10 * PATIENCE):
            while not (message := await layer.receive(older))["events"] or (
                message["origin"] != "us"
            ):
                pass
        assert message["events"][0][1] == 9


class TestWithoutAHub:
    async def test_those_who_have_rooms_are_told(self, start, settings, sent):
        settings.REDIS_URL = "redis://somewhere"
        one, two = Process("one", 1), Process("two", 2)
        await start(one, two)
        use_hub(None)
        await in_thread(spread, [line(1), line(3)])
        await in_thread(spread, [line(2)])
        await in_thread(spread, [everyone := HubCommand.recheck(5)])
        await one.has_heard(line(1), everyone)
        await two.has_heard(line(2), everyone)

    async def test_they_are_told_after_the_groups_were_lost(self, start):
        one = Process("one", 1)
        await start(one)
        layer = one.link._layer
        for group in ("hubs", "hubs.1"):
            await layer.group_discard(group, one.link._channel)
        joined = asyncio.Event()
        add = layer.group_add

        async def add_and_tell(group: str, channel: str) -> None:
            await add(group, channel)
            if group == "hubs.1":
                joined.set()

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(layer, "group_add", add_and_tell)
            async with asyncio.timeout(10 * PATIENCE):
                await joined.wait()
        await hub_commands._send_to_groups([line(1)])
        await one.has_heard(line(1))


class SecondHub:
    """The hub of a second process, with one socket on a chat at a time."""

    def __init__(self, user_id: int) -> None:
        self.hub = Hub(runtime().threads)
        self.hub.link._layer = own_layer()
        self.frames: list[str] = []
        self.socket = Socket(
            user_id=user_id, user_name="", session_key="", send=self._send, close=self._close
        )
        self.hub.register(self.socket)

    def start(self) -> None:
        self.hub.start()
        # The first goes on being the hub of this process.
        use_hub(runtime().hub.publish)

    async def connect(self, chat_id: int) -> None:
        """As a browser does: first register, then read."""
        self.hub.join(self.socket, chat_id)
        revision = (await Chat.objects.aget(pk=chat_id)).revision
        self.hub.welcome(self.socket, "{}", {chat_id: revision})

    def has(self, text: str) -> bool:
        return any(text in frame for frame in self.frames)

    async def _send(self, message: dict[str, Any]) -> None:
        self.frames.append(message["text"])

    async def _close(self, code: int) -> None:
        pass


@pytest.fixture
async def world(live):
    def make():
        ann, bob = people.make_people("ann", "bob")
        return ann, bob, people.make_group(ann, bob)

    return await in_thread(make)


@pytest.fixture
async def second(world, connect) -> AsyncIterator[SecondHub]:
    _, bob, _ = world
    runtime()
    hub = SecondHub(bob.pk)
    hub.start()
    yield hub
    await hub.hub.stop()
    await close(hub.hub.link)
    use_hub(runtime().hub.publish)


class TestNewcomer:
    @pytest.fixture(autouse=True)
    def only_what_is_doubted_is_read(self, monkeypatch):
        monkeypatch.setattr("chat.live.watch.HEADS_SECONDS", (3600, 3600))

    async def test_gets_everything_that_is_written_while_it_comes(self, world, connect, second):
        ann, _, chat = world
        at_anns = await connect(ann)
        ours, other = runtime().hub, second.hub
        await until(lambda: ours.link._listeners.knows(other.id))
        await until(lambda: ours.link._listeners._is_sure())
        assert ours.link._listeners.posts([line(chat.pk)]) == []
        coming = asyncio.create_task(second.connect(chat.pk))
        for n in range(20):
            await at_anns.say(chat.pk, f"text {n}.")
        await coming
        await at_anns.say(chat.pk, "the last.")
        await until(lambda: other.rooms[chat.pk].head == 21)

    async def test_gets_what_was_written_before_anyone_knew_that_it_listens(
        self, world, connect, second, monkeypatch
    ):
        """The one who writes hears of it late."""
        ann, _, chat = world
        at_anns = await connect(ann)
        ours, other = runtime().hub, second.hub
        await until(lambda: ours.link._listeners.knows(other.id))
        await until(lambda: ours.link._listeners._is_sure())
        hear = ours.link._listeners.hear
        late: list[Any] = []

        def put_off(message):
            late.append(message)
            return frozenset()

        with monkeypatch.context() as deaf:
            deaf.setattr(ours.link._listeners, "hear", put_off)
            await second.connect(chat.pk)
            await until(lambda: any(m["listens"]["shards"] for m in late))
            # It reads, as it does soon after an announcement, and nothing is there yet.
            doubted = asyncio.Event()
            deaf.setattr(other.link, "_doubt", lambda chats: doubted.set())
            async with asyncio.timeout(10 * PATIENCE):
                await doubted.wait()
            deaf.setattr(other.link, "_doubt", other.healer.doubt)
            deaf.setattr(layer_link, "READ_SECONDS", 3600)
            await at_anns.say(chat.pk, "unheard")
        assert not second.has("unheard")
        for message in late:
            hear(message)
        await until(lambda: second.has("unheard"))


class TestStandingStill:
    @pytest.mark.parametrize("loses_layer", [False, True])
    async def test_makes_a_process_doubt_its_chats_and_its_people(
        self, world, connect, monkeypatch, loses_layer
    ):
        """Others may have given it up: what they wrote, and who was removed, it was not told."""
        ann, _, chat = world
        await connect(ann)
        hub = runtime().hub
        await until(lambda: hub.link._listeners._is_sure())
        doubted: set[int] = set()
        rechecked: set[int] = set()
        monkeypatch.setattr(hub.healer, "doubt", doubted.update)
        monkeypatch.setattr(hub, "recheck", rechecked.update)
        hub.link._listeners._announced_at -= listeners.LEASE_SECONDS
        if loses_layer:
            hub.link._note_down(ConnectionError())
        await until(lambda: doubted and rechecked)
        assert (doubted, rechecked) == ({chat.pk}, {ann.pk})

    async def test_has_people_checked_in_portions(self, live):
        hub = Hub(runtime().threads)
        hub.recheck(range(MAX_RECHECKED + 1))
        portions = [await hub.next_recheck() for _ in range(2)]
        assert [len(portion) for portion in portions] == [MAX_RECHECKED, 1]
        assert set.union(*portions) == set(range(MAX_RECHECKED + 1))
        assert not hub._to_recheck.is_set()


class TestSilence:
    async def test_is_what_a_process_says_that_is_alone(self, world, connect, sent):
        ann, bob, chat = world
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await until(lambda: runtime().hub.link._listeners._is_sure())
        await until(lambda: not runtime().hub.link._waiting)
        sent.clear()
        for n in range(5):
            await at_anns.say(chat.pk, f"text {n}")
            await at_bobs.message(f"text {n}")
        assert sent == []


class TestRedisAway:
    async def test_and_back_each_hears_of_its_own_again(self, layer_on_redis, start):
        us, other = Process("us", 2), Process("other", 1)
        await start(us, other)
        us.link.send([line(1)])
        await other.has_heard(line(1))
        await in_thread(layer_on_redis.kill)
        try:
            await until(lambda: not us.link.is_up and not other.link.is_up)
            assert not us.link._listeners._is_sure()
            other.open(3)
            other.doubted.clear()
        finally:
            await in_thread(layer_on_redis.start)
        await until(lambda: {1, 3} <= set(other.doubted))
        await until(lambda: us.is_sure(other) and other.is_sure(us))
        for chat_id in (1, 4, 3):
            us.link.send([line(chat_id)])
        await other.has_heard(line(1), line(3))
        await hub_commands._send_to_groups([line(3), line(2)])
        await other.has_heard(line(3))
        await us.has_heard(line(2))
