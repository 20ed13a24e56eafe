"""How far someone has read, over real sockets: between those who show it, and nobody else."""

from __future__ import annotations

import asyncio

import pytest

from chat.events.audiences import DELIVERY, READING
from chat.live.runtime import runtime
from chat.services.chats.chats import add_member
from chat.services.people.people import change_privacy
from tests.integration.chat.conftest import in_thread
from tests.support import people
from tests.support.processes import PATIENCE


def keep_private(person):
    change_privacy(user=person, shares_reading=False, shares_presence=True)


def share(person):
    change_privacy(user=person, shares_reading=True, shares_presence=True)


def of_person(person):
    return lambda line: line.get("user_id") == person.pk


def readings(socket, person) -> list[int]:
    """What this socket was ever told of how far that person has read."""
    told = [line for line in socket.seen if line["type"] == "status" and of_person(person)(line)]
    welcomed = [cursors for chat in socket.welcome["chats"] for cursors in chat["cursors"]]
    return [
        line["read_seq"]
        for line in [*told, *filter(of_person(person), welcomed)]
        if "read_seq" in line
    ]


async def belongs(person, *, to: str) -> None:
    """Waits until the person's open sockets hear what this audience hears."""
    async with asyncio.timeout(10 * PATIENCE):
        while any(to not in s.audiences for s in runtime().hub.people[person.pk]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # nobody is told of it


@pytest.fixture
async def cleo(live, chat):
    def join():
        cleo = people.make_person("cleo")
        add_member(actor=chat.created_by, chat_id=chat.pk, user_id=cleo.pk)
        return cleo

    return await in_thread(join)


class TestReading:
    async def test_is_told_between_those_who_show_it(self, ann, bob, cleo, chat, connect):
        await in_thread(keep_private, cleo)
        at_anns, at_bobs, at_cleos = [await connect(one) for one in (ann, bob, cleo)]
        await at_anns.say(chat.pk, "read this")
        await at_bobs.send("receipt", chat_id=chat.pk, read_seq=1)
        line = await at_anns.next("status", where=of_person(bob))
        assert (line["delivered_seq"], line["read_seq"]) == (1, 1)
        # Who keeps theirs to themselves hears that it has arrived.
        line = await at_cleos.next("status", where=of_person(bob))
        assert line["delivered_seq"] == 1
        assert readings(at_cleos, bob) == []

    async def test_of_who_does_not_show_it_is_told_to_their_own_devices(
        self, ann, bob, chat, connect
    ):
        await in_thread(keep_private, bob)
        at_anns, phone, laptop = await connect(ann), await connect(bob), await connect(bob)
        await at_anns.say(chat.pk, "read this")
        await phone.send("receipt", chat_id=chat.pk, read_seq=1)
        own = await laptop.next("status", where=lambda line: line.get("read_seq") == 1)
        assert own["user_id"] == bob.pk
        line = await at_anns.next("status", where=of_person(bob))
        assert line["delivered_seq"] == 1
        await at_anns.everything_until_now()
        assert readings(at_anns, bob) == []
        again = await connect(ann)
        assert readings(again, bob) == []

    async def test_takes_a_change_of_mind_at_once(self, ann, bob, chat, connect):
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await at_anns.say(chat.pk, "one")
        await in_thread(keep_private, ann)
        await belongs(ann, to=DELIVERY)
        await at_bobs.send("receipt", chat_id=chat.pk, read_seq=1)
        line = await at_anns.next("status", where=of_person(bob))
        assert "read_seq" not in line
        await in_thread(share, ann)
        await belongs(ann, to=READING)
        await at_anns.say(chat.pk, "two")
        await at_bobs.send("receipt", chat_id=chat.pk, read_seq=2)
        line = await at_anns.next("status", where=lambda line: line.get("read_seq") == 2)
        assert line["user_id"] == bob.pk
