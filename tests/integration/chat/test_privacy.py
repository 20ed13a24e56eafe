"""Presence and typing of people who share them, and of people who do not, over real sockets."""

from __future__ import annotations

import pytest

from chat.services.people.people import change_privacy
from tests.integration.chat.conftest import in_thread
from tests.support import people


def keep_private(person):
    change_privacy(user=person, shares_reading=True, shares_presence=False)


def share(person):
    change_privacy(user=person, shares_reading=True, shares_presence=True)


def of_person(person):
    return lambda line: line["user_id"] == person.pk


@pytest.mark.usefixtures("live")
class TestPresence:
    async def test_of_a_private_person_is_told_to_nobody(self, ann, bob, chat, connect):
        await in_thread(keep_private, bob)
        at_anns = await connect(ann)
        await at_anns.next("presence", where=of_person(ann))
        at_bobs = await connect(bob)
        await at_bobs.say(chat.pk, "hello")
        await at_anns.message("hello")
        told = [line for line in at_anns.seen if line["type"] == "presence"]
        assert {line["user_id"] for line in told} == {ann.pk}

    async def test_of_others_is_not_told_to_a_private_person(self, ann, bob, chat, connect):
        at_anns = await connect(ann)
        await at_anns.next("presence", where=of_person(ann))
        await in_thread(keep_private, bob)
        at_bobs = await connect(bob)
        assert [chat["present"] for chat in at_bobs.welcome["chats"]] == [[]]

    async def test_ends_at_once_when_it_is_switched_off(self, ann, bob, chat, connect):
        at_anns, _ = await connect(ann), await connect(bob)
        await at_anns.next("presence", where=of_person(bob))
        await in_thread(keep_private, bob)
        gone = await at_anns.next("presence", where=of_person(bob))
        assert gone["online"] is False


@pytest.mark.usefixtures("live")
class TestTyping:
    async def test_of_a_private_person_is_told_to_nobody(self, ann, bob, chat, connect):
        await in_thread(keep_private, bob)
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await at_bobs.send("typing", chat_id=chat.pk)
        await at_bobs.say(chat.pk, "typed")
        await at_anns.message("typed")
        assert "typing" not in {line["type"] for line in await at_anns.everything_until_now()}

    async def test_of_others_is_not_told_to_a_private_person(self, ann, bob, chat, connect):
        await in_thread(keep_private, bob)
        carol = await in_thread(people.make_person, "carol")
        chat = await in_thread(people.make_group, ann, bob, carol)
        at_anns, at_bobs, at_carols = await connect(ann), await connect(bob), await connect(carol)
        await at_anns.send("typing", chat_id=chat.pk)
        await at_carols.next("typing")
        assert "typing" not in {line["type"] for line in await at_bobs.everything_until_now()}

    async def test_is_told_again_when_it_is_switched_on(self, ann, bob, chat, connect):
        await in_thread(keep_private, bob)
        at_anns, at_bobs = await connect(ann), await connect(bob)
        await in_thread(share, bob)
        await at_anns.next("presence", where=of_person(bob))
        await at_bobs.send("typing", chat_id=chat.pk)
        await at_anns.next("typing")
