"""What a block keeps from open sockets: who is here and who types, both ways, at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chat.events.hub_commands import HubCommand, layer_message, use_hub
from chat.live.runtime import runtime
from chat.models import Block
from chat.services.people.blocks import block_person, unblock_person
from tests.integration.chat.conftest import in_thread
from tests.support import people
from tests.support.processes import PATIENCE

BOTH_WAYS = pytest.mark.parametrize("is_anns", [True, False], ids=["ann blocks", "bob blocks"])


def block(blocker, other) -> None:
    block_person(blocker=blocker, user_id=other.pk)


def unblock(blocker, other) -> None:
    unblock_person(blocker=blocker, user_id=other.pk)


def of_person(person):
    return lambda line: line["user_id"] == person.pk


async def keeps_apart(person, *others) -> None:
    """Waits until the person's open sockets hear nothing of these others, and of nobody else."""
    ids = frozenset(other.pk for other in others)
    async with asyncio.timeout(10 * PATIENCE):
        while any(s.apart != ids for s in runtime().hub.people[person.pk]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # nobody is told of it


class Group:
    """Ann, Bob and Carol in a group; Ann and Bob have a direct chat besides; all are here."""

    async def make(self, ann, bob, connect) -> Group:
        self.ann, self.bob = ann, bob
        self.carol = await in_thread(people.make_person, "carol")
        self.chat = await in_thread(people.make_group, ann, bob, self.carol)
        self.direct = await in_thread(people.make_direct, ann, bob)
        self.connect = connect
        self.at_anns, self.at_bobs, self.at_carols = [
            await connect(person) for person in (ann, bob, self.carol)
        ]
        await self.at_anns.next("presence", where=of_person(bob))
        return self

    async def kept_apart(self) -> None:
        await keeps_apart(self.ann, self.bob)
        await keeps_apart(self.bob, self.ann)

    async def type_everywhere(self) -> None:
        """Both type in both chats; whoever can be told has been told when this returns."""
        for socket in (self.at_anns, self.at_bobs):
            for chat in (self.chat, self.direct):
                await socket.send("typing", chat_id=chat.pk)
        for person in (self.ann, self.bob):
            where = lambda line, pk=person.pk: line["user"]["id"] == pk  # noqa: E731
            await self.at_carols.next("typing", where=where)

    async def heard(self, socket, kind: str, person) -> list[dict[str, Any]]:
        """What has come to the socket of this person and this kind since it was last asked."""
        found = await socket.everything_until_now()
        socket.lines.clear()
        lines = [line for line in found if line["type"] == kind]
        return [line for line in lines if (line.get("user_id") or line["user"]["id"]) == person.pk]


@pytest.fixture
async def group(ann, bob, connect) -> Group:
    return await Group().make(ann, bob, connect)


class TestTyping:
    async def test_is_told_while_nothing_keeps_two_people_apart(self, group):
        await group.type_everywhere()
        assert len(await group.heard(group.at_anns, "typing", group.bob)) == 2
        assert len(await group.heard(group.at_bobs, "typing", group.ann)) == 2

    @BOTH_WAYS
    async def test_crosses_no_block_either_way(self, group, is_anns):
        await in_thread(block, *((group.ann, group.bob) if is_anns else (group.bob, group.ann)))
        await group.kept_apart()
        await group.type_everywhere()
        assert await group.heard(group.at_anns, "typing", group.bob) == []
        assert await group.heard(group.at_bobs, "typing", group.ann) == []

    async def test_crosses_no_block_that_was_there_before_the_socket(self, ann, bob, connect):
        await in_thread(block, ann, bob)
        chat = await in_thread(people.make_group, ann, bob)
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await at_bobs.send("typing", chat_id=chat.pk)
        await at_bobs.say(chat.pk, "typed")
        await at_anns.message("typed")
        assert "typing" not in {line["type"] for line in await at_anns.everything_until_now()}

    async def test_is_told_again_after_unblocking(self, group):
        await in_thread(block, group.ann, group.bob)
        await group.kept_apart()
        await in_thread(unblock, group.ann, group.bob)
        await keeps_apart(group.ann)
        await keeps_apart(group.bob)
        await group.type_everywhere()
        assert len(await group.heard(group.at_bobs, "typing", group.ann)) == 2


class TestPresence:
    @BOTH_WAYS
    async def test_ends_at_once_between_the_two_and_goes_on_for_others(self, group, is_anns):
        await group.at_carols.everything_until_now()
        group.at_carols.lines.clear()
        await in_thread(block, *((group.ann, group.bob) if is_anns else (group.bob, group.ann)))
        for socket, other in ((group.at_anns, group.bob), (group.at_bobs, group.ann)):
            gone = await socket.next("presence", where=lambda line: not line["online"])
            assert gone["user_id"] == other.pk
        assert await group.at_carols.everything_until_now() == []

    async def test_is_all_that_whoever_was_blocked_gets_to_see(self, group):
        """As when the other one closes the page: there is nothing to tell it from that."""
        await group.at_bobs.everything_until_now()
        group.at_bobs.lines.clear()
        await in_thread(block, group.ann, group.bob)
        await group.kept_apart()
        lines = await group.at_bobs.everything_until_now()
        assert {line["type"] for line in lines} == {"presence"}
        assert {(line["user_id"], line["online"]) for line in lines} == {(group.ann.pk, False)}

    async def test_of_neither_is_in_the_others_welcome(self, group):
        await in_thread(block, group.ann, group.bob)
        for person, other in ((group.ann, group.bob), (group.bob, group.ann)):
            again = await group.connect(person)
            present = {pk for chat in again.welcome["chats"] for pk in chat["present"]}
            assert other.pk not in present
            assert group.carol.pk in present

    async def test_crosses_no_block_when_someone_comes_or_is_said_again(self, group):
        await in_thread(block, group.ann, group.bob)
        await group.kept_apart()
        for socket in (group.at_anns, group.at_bobs):
            await socket.everything_until_now()
            socket.lines.clear()
        presence = runtime().presence
        presence.forget(group.bob.pk)
        await group.at_carols.next("presence", where=lambda line: not line["online"])
        presence.renew([group.chat.pk, group.direct.pk])
        await group.at_carols.next(
            "presence", where=lambda line: line["online"] and line["user_id"] == group.bob.pk
        )
        assert await group.heard(group.at_anns, "presence", group.bob) == []

    async def test_is_there_again_after_unblocking(self, group):
        await in_thread(block, group.ann, group.bob)
        await group.kept_apart()
        await in_thread(unblock, group.ann, group.bob)
        for socket, other in ((group.at_anns, group.bob), (group.at_bobs, group.ann)):
            back = await socket.next(
                "presence", where=lambda line, pk=other.pk: line["online"] and line["user_id"] == pk
            )
            assert back["user_id"] == other.pk


class TestFromElsewhere:
    async def test_a_block_that_another_process_wrote_is_followed_at_once(self, group):
        hub = runtime().hub
        said: list[HubCommand] = []
        use_hub(said.extend)
        await in_thread(block, group.ann, group.bob)
        use_hub(hub.publish)
        hub.link._take(layer_message(said, origin="another process"))
        await group.kept_apart()

    async def test_a_block_of_which_nobody_was_told_is_found_by_the_next_look(self, group):
        await in_thread(Block.objects.create, blocker=group.ann, blocked=group.bob)
        await runtime().watch.recheck(set(runtime().hub.people))
        await group.kept_apart()


class TestTheBlockersOwnPages:
    async def test_are_told_on_every_device(self, group):
        phone = await group.connect(group.ann)
        await in_thread(block, group.ann, group.bob)
        for socket in (group.at_anns, phone):
            line = await socket.next("person.blocked")
            assert (line["user_id"], line["blocked"]) == (group.bob.pk, True)
            line = await socket.next("chat.updated")
            assert (line["closed"], line["blocked"]) == (True, True)
        again = await group.connect(group.ann)
        assert again.welcome["blocked"] == [group.bob.pk]
        at_bobs = await group.connect(group.bob)
        assert at_bobs.welcome["blocked"] == []

    async def test_hear_of_an_unblocking_whether_they_may_write_now(self, group):
        await in_thread(block, group.ann, group.bob)
        await in_thread(block, group.bob, group.ann)
        await in_thread(unblock, group.ann, group.bob)
        line = await group.at_anns.next("chat.updated", where=lambda line: not line["blocked"])
        assert line["closed"] is True
        await in_thread(unblock, group.bob, group.ann)
        line = await group.at_bobs.next("chat.updated", where=lambda line: not line["blocked"])
        assert line["closed"] is False
