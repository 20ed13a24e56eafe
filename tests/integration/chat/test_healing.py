"""What the direct road loses or mixes up is read from the database: nothing is missing for long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from redis.exceptions import ConnectionError as RedisAway

from chat.events import hub_commands as fanout
from chat.events.hub_commands import HUBS_GROUP, HubCommand, layer_message, read_commands, spread
from chat.live import poster as posting
from chat.live.hub import layer_link
from chat.live.runtime import runtime
from chat.services.posting.posting import post_messages
from messaging.away import DatabaseAwayError
from messaging.contract.events import Event
from tests.integration.chat.conftest import in_thread, until
from tests.support import people
from tests.support.processes import PATIENCE
from tests.support.sockets import Follower


@pytest.fixture
async def world(live, settings):
    settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0

    def make():
        ann, bob = people.make_people("ann", "bob")
        return ann, bob, people.make_group(ann, bob)

    return await in_thread(make)


def elsewhere(change: Callable[[], Any]) -> list[HubCommand]:
    """Done in another process: what it says to the hubs is in our hands, and may get lost."""
    said: list[HubCommand] = []
    own = fanout._hub_of_this_process
    fanout.use_hub(said.extend)
    try:
        change()
    finally:
        fanout.use_hub(own)
    return said


async def posted_elsewhere(chat, sender, *texts: str) -> list[HubCommand]:
    def post_all():
        post_messages([people.new_post(chat, sender, text) for text in texts])

    return await in_thread(elsewhere, post_all)


async def told_over_the_layer(events: list[HubCommand], origin: str = "another process") -> None:
    await get_channel_layer().group_send(HUBS_GROUP, layer_message(events, origin=origin))


async def told_once_it_listens(events: list[HubCommand]) -> None:
    """Connections that died with the last Redis fail first."""
    async with asyncio.timeout(5 * PATIENCE):
        while True:
            with contextlib.suppress(RedisAway):
                return await told_over_the_layer(events)


class TestOtherProcess:
    @pytest.fixture
    def patience(self, monkeypatch):
        """On a busy machine the layer may be slower than the look into the database."""
        monkeypatch.setattr("chat.live.hub.rooms.HOLE_SECONDS", 60)

    async def test_reaches_our_sockets_over_the_layer(self, connect, world, patience):
        ann, bob, chat = world
        socket = await connect(bob)
        await until(lambda: runtime().hub.link.is_up)
        await told_over_the_layer(await posted_elsewhere(chat, ann, "from elsewhere"))
        await socket.message("from elsewhere")

    async def test_is_not_ourselves(self, connect, world, patience):
        ann, bob, chat = world
        socket = await connect(bob)
        await until(lambda: runtime().hub.link.is_up)
        await in_thread(people.post, chat, ann, "ours")
        await socket.message("ours")
        events = await posted_elsewhere(chat, ann, "a copy of ours")
        echo = [HubCommand.to_chat(chat.pk, {"type": "typing", "chat_id": chat.pk})]
        await told_over_the_layer([*events, *echo], origin=runtime().hub.id)
        await told_over_the_layer(events)
        await socket.message("a copy of ours")
        await socket.everything_until_now()
        created = [line for line in socket.seen if line["type"] == "message.created"]
        assert [line["revision"] for line in created] == [1, 2]
        spread([HubCommand.to_chat(chat.pk, {"type": "status", "chat_id": chat.pk})])
        await socket.next("status")
        assert "typing" not in [line["type"] for line in socket.seen]

    async def test_is_put_in_order_whatever_the_layer_does(self, connect, world):
        ann, bob, chat = world
        socket = await connect(bob)
        await until(lambda: runtime().hub.link.is_up)
        events = await posted_elsewhere(chat, ann, *(f"{n}" for n in range(30)))
        mixed = [*events, *events[::3]]
        random.Random(7).shuffle(mixed)
        for event in mixed:
            await told_over_the_layer([event])
        follower = Follower(socket, chat.pk)
        await follower.has_all(30)
        assert follower.arrivals == list(range(1, 31))

    async def test_that_leaves_a_hole_is_read_from_the_database(self, connect, world):
        ann, bob, chat = world
        socket = await connect(bob)
        await until(lambda: runtime().hub.link.is_up)
        events = await posted_elsewhere(chat, ann, *(f"{n}" for n in range(10)))
        await told_over_the_layer([event for n, event in enumerate(events) if n not in (2, 5, 6)])
        follower = Follower(socket, chat.pk)
        await follower.has_all(10, seconds=4)
        assert follower.texts == {n + 1: f"{n}" for n in range(10)}
        assert follower.arrivals == list(range(1, 11))

    async def test_mixes_with_our_own_without_a_hole(self, connect, world):
        ann, bob, chat = world
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await until(lambda: runtime().hub.link.is_up)
        lost = await posted_elsewhere(chat, ann, "lost on the way")
        assert lost
        await at_anns.say(chat.pk, "heard")
        for socket in (at_anns, at_bobs):
            follower = Follower(socket, chat.pk)
            await follower.has_all(2, seconds=4)
            assert follower.texts == {1: "lost on the way", 2: "heard"}

    async def test_may_change_a_message_many_times_unheard(self, connect, world):
        from chat.services.messages import edit_message

        ann, bob, chat = world
        socket = await connect(bob)
        message = await in_thread(people.post_text, chat, ann, "first")
        await socket.message("first")

        def edit():
            for n in range(3):
                edit_message(actor=ann, message_id=message.pk, content=f"edit {n}")

        await in_thread(elsewhere, edit)
        spread([HubCommand.head(chat.pk, 4)])
        changes = await socket.next("chat.changes", seconds=4)
        assert (changes["after"], changes["revision"]) == (1, 4)
        (change,) = changes["changes"]
        assert (change["type"], change["message"]["content"]) == ("message.edited", "edit 2")


class TestDurableRoad:
    async def test_tells_the_hub_a_head_and_the_hub_reads_the_rest(self, connect, world):
        ann, bob, chat = world
        socket = await connect(bob)
        await posted_elsewhere(chat, ann, "one", "two")
        spread([HubCommand.head(chat.pk, 2)])
        changes = await socket.next("chat.changes", seconds=4)
        assert (changes["after"], changes["revision"], changes["more"]) == (0, 2, False)
        assert [c["message"]["content"] for c in changes["changes"]] == ["one", "two"]

    async def test_is_the_handler_of_the_topic(self, connect, world):
        from uuid import uuid4

        from django.db import transaction
        from django.utils import timezone

        from chat.handlers.heads import tell_heads

        ann, bob, chat = world
        socket = await connect(bob)
        await posted_elsewhere(chat, ann, "one")

        def handle():
            event = Event(
                event_id=uuid4(),
                event_type="message.created",
                topic="chat-messages",
                key=str(chat.pk),
                schema_version=1,
                payload={"chatId": str(chat.pk), "revision": 1},
                produced_at=timezone.now(),
            )
            with transaction.atomic():
                tell_heads([event])

        await in_thread(handle)
        changes = await socket.next("chat.changes", seconds=4)
        assert [c["message"]["content"] for c in changes["changes"]] == ["one"]

    async def test_brings_a_long_absence_in_pages(self, connect, world, monkeypatch):
        monkeypatch.setattr("chat.reads.history.changes_after.__kwdefaults__", {"limit": 7})
        ann, bob, chat = world
        socket = await connect(bob)
        await posted_elsewhere(chat, ann, *(f"{n}" for n in range(30)))
        spread([HubCommand.head(chat.pk, 30)])
        follower = Follower(socket, chat.pk)
        await follower.has_all(30)
        assert follower.arrivals == list(range(1, 31))

    async def test_believes_no_head_that_the_database_does_not_know(self, connect, world):
        """A record from elsewhere, or a database that was restored: no endless reading."""
        ann, bob, chat = world
        socket = await connect(bob)
        spread([HubCommand.head(chat.pk, 10**9)])
        room = runtime().hub.rooms[chat.pk]
        await until(lambda: room.known_head == 10**9)
        await until(lambda: not room.is_behind, seconds=4)
        await in_thread(people.post, chat, ann, "goes on")
        await socket.message("goes on", seconds=4)
        await socket.everything_until_now()
        empty = [line for line in socket.seen if line["type"] == "chat.changes"]
        assert len(empty) <= 1

    async def test_of_a_chat_that_nobody_here_is_in_does_nothing(self, connect, world):
        ann, *_ = world
        socket = await connect(ann)
        spread([HubCommand.head(10**9, 5)])
        await socket.everything_until_now()
        assert 10**9 not in runtime().hub.rooms


class TestDatabaseAway:
    async def test_healing_waits_for_it(self, connect, world, monkeypatch):
        from chat.reads import history

        read = history.changes_after
        failures: list[bool] = []

        def fail_twice(*arguments, **fields):
            if len(failures) < 1:
                failures.append(True)
                raise DatabaseAwayError("away")
            return read(*arguments, **fields)

        monkeypatch.setattr(history, "changes_after", fail_twice)
        ann, bob, chat = world
        socket = await connect(bob)
        await posted_elsewhere(chat, ann, "one")
        spread([HubCommand.head(chat.pk, 1)])
        assert (await socket.next("chat.changes", seconds=5))["revision"] == 1
        assert failures

    async def test_is_said_to_the_sender_and_nothing_is_a_false_ok(
        self, connect, world, monkeypatch, caplog
    ):
        ann, bob, chat = world
        at_anns, at_bobs = await connect(ann), await connect(bob)

        def away(posts):
            raise DatabaseAwayError("the server closed the connection unexpectedly")

        with monkeypatch.context() as patched:
            patched.setattr("chat.live.saving.post_messages", away)
            for _ in range(3):
                error = await at_anns.say(chat.pk, "hello")
                assert (error["type"], error["code"]) == ("error", "unavailable")
                assert error["retry_after"] > 0
        assert (await at_anns.say(chat.pk, "hello again"))["type"] == "reply"
        await at_bobs.message("hello again")
        assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []

    async def test_is_said_of_actions_too(self, connect, world, monkeypatch):
        from chat.limits.doors import under
        from chat.limits.table import PAGES
        from chat.live import frames

        @under(PAGES)
        def away(user, frame):
            raise DatabaseAwayError("away")

        ann, _, chat = world
        socket = await connect(ann)
        monkeypatch.setitem(frames.REQUESTS, "chat.sync", away)
        error = await socket.ask("chat.sync", chat_id=chat.pk, revision=0)
        assert (error["code"], error["retry_after"] > 0) == ("unavailable", True)

    async def test_one_post_that_it_refuses_keeps_no_other_back(self, connect, world, monkeypatch):
        from django.db import DataError

        save = post_messages

        def refuse_one(posts):
            if any(post.content == "poison" for post in posts):
                raise DataError
            return save(posts)

        monkeypatch.setattr("chat.live.saving.post_messages", refuse_one)
        ann, _, chat = world
        poster = runtime().poster
        posts = [people.new_post(chat, ann, text) for text in ("one", "poison", "two", "three")]
        outcomes = await asyncio.gather(*(people.outcome_of(poster, post) for post in posts))
        assert [getattr(outcome, "seq", "refused") for outcome in outcomes] == [1, "refused", 2, 3]


class TestPoster:
    async def test_saves_what_waits_in_one_transaction(self, live, world, monkeypatch):
        sizes: list[int] = []
        save = post_messages

        def note(posts):
            sizes.append(len(posts))
            return save(posts)

        monkeypatch.setattr("chat.live.saving.post_messages", note)
        ann, _, chat = world
        poster = runtime().poster
        posts = [people.new_post(chat, ann, f"{n}") for n in range(120)]
        outcomes = people.all_saved(
            await asyncio.gather(*(people.outcome_of(poster, post) for post in posts))
        )
        assert [outcome.seq for outcome in outcomes] == list(range(1, 121))
        assert len(sizes) < 10

    async def test_takes_no_more_than_fits(self, live, world, monkeypatch):
        from chat.errors import UnavailableError

        monkeypatch.setattr(posting, "MAX_WAITING", 3)
        ann, _, chat = world
        poster = runtime().poster
        outcomes: list[Any] = []
        for _ in range(3):
            poster.submit(people.new_post(chat, ann), outcomes.append)
        with pytest.raises(UnavailableError):
            poster.submit(people.new_post(chat, ann), outcomes.append)
        await until(lambda: len(outcomes) == 3)

    async def test_that_drains_answers_everyone_and_takes_nobody(self, live, world):
        from chat.errors import UnavailableError

        ann, _, chat = world
        poster = runtime().poster
        outcomes: list[Any] = []
        for n in range(5):
            poster.submit(people.new_post(chat, ann, f"{n}"), outcomes.append)
        draining = asyncio.create_task(poster.drain())
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            poster.submit(people.new_post(chat, ann), outcomes.append)
        await draining
        assert [outcome.seq for outcome in outcomes] == [1, 2, 3, 4, 5]


class TestRedisKilled:
    async def test_ends_no_socket_keeps_saving_and_brings_what_was_missed(
        self, layer_on_redis, connect, world
    ):
        ann, bob, chat = world
        at_anns, at_bobs = await connect(ann), await connect(bob)
        link = runtime().hub.link
        await until(lambda: link.is_up)
        await at_anns.say(chat.pk, "before")
        await sync_to_async(layer_on_redis.kill)()
        try:
            await until(lambda: not link.is_up)
            reply = await at_anns.say(chat.pk, "while it is away")
            assert reply["type"] == "reply"
            await at_bobs.message("while it is away")
            # Another process saves, and nobody is told.
            await posted_elsewhere(chat, bob, "missed one", "missed two")
        finally:
            await sync_to_async(layer_on_redis.start)()
        await until(lambda: link.is_up)
        follower = Follower(at_anns, chat.pk)
        await follower.has_all(4, seconds=5)
        assert follower.arrivals == [1, 2, 3, 4]
        await told_once_it_listens(await posted_elsewhere(chat, bob, "after"))
        await at_bobs.message("after", seconds=5)
        for socket in (at_anns, at_bobs):
            assert (await socket.ask("ping"))["type"] == "reply"
            assert socket.close_code is None
            assert "error" not in [line["type"] for line in socket.seen]
            assert json.dumps(socket.seen).count("missed two") == 1


class Layer:
    """Its failures are in our hands."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.sent: list[dict[str, Any]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self.failures:
            raise self.failures.pop()
        if message["events"]:
            self.sent.append(message)

    async def has_something(self) -> None:
        await until(lambda: bool(self.sent))


class TestLayerLink:
    @pytest.fixture
    async def link(self, connect, world):
        await connect(world[0])
        link = runtime().hub.link
        await until(lambda: link.is_up)
        return link

    @pytest.fixture
    def layer(self, link, monkeypatch):
        layer = Layer()
        monkeypatch.setattr(link._layer, "group_send", layer.group_send)
        return layer

    async def test_says_again_what_a_dead_connection_did_not_take(self, link, layer):
        layer.failures = [ConnectionResetError()]
        link.send([HubCommand.head(1, 1)])
        await layer.has_something()
        assert link.is_up

    async def test_joins_what_waits_and_says_who_it_is(self, link, layer):
        for chat_id in (1, 2, 3):
            link.send([HubCommand.head(chat_id, 1)])
        await layer.has_something()
        (message,) = layer.sent
        assert message["origin"] == runtime().hub.id
        assert [command.chat_id for command in read_commands(message)] == [1, 2, 3]

    async def test_outlives_a_layer_that_refuses(self, link, layer):
        layer.failures = [ConnectionResetError()] * layer_link.MAX_TRIES
        link.send([HubCommand.head(1, 1)])
        await until(lambda: not link.is_up)
        link.send([HubCommand.head(2, 1)])
        await layer.has_something()
        assert [command.chat_id for command in read_commands(layer.sent[0])] == [2]

    async def test_goes_on_when_another_version_says_what_this_one_does_not_know(
        self, connect, world, link, caplog
    ):
        ann, _, chat = world
        socket = await connect(ann)
        known = layer_message([HubCommand.to_chat(chat.pk, {"type": "known"})], origin="other")
        known["events"].insert(0, ("party", chat.pk, 0, 0, ""))
        await link._layer.group_send(HUBS_GROUP, known)
        assert await socket.next("known")
        assert link.is_up
        (record,) = [r for r in caplog.records if r.msg == "an unknown command for hubs"]
        assert record.kind == "party"

    @pytest.mark.parametrize("turns", range(8))
    async def test_stops_whatever_it_is_doing(self, live, turns):
        """Also in the very moment in which a call to the layer comes back."""
        gate = asyncio.Event()

        class Slow(Layer):
            async def new_channel(self, prefix: str) -> str:
                return prefix

            async def group_add(self, group: str, channel: str) -> None:
                await gate.wait()

            group_discard = group_add

            async def group_send(self, group: str, message: dict[str, Any]) -> None:
                await gate.wait()

            async def receive(self, channel: str) -> None:
                await asyncio.Event().wait()

        link = layer_link.LayerLink(
            "us",
            {},
            deliver=lambda commands: None,
            doubt=lambda chat_ids: None,
            stood_still=lambda: None,
        )
        link._layer = Slow()
        link.start()
        link.send([HubCommand.head(1, 1)])
        await asyncio.sleep(0.01)
        gate.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(2 * PATIENCE):
            await link.stop()
