"""What people say reaches those who are there, and nobody else."""

from __future__ import annotations

from tests import people
from tests.integration.chat.conftest import in_thread


class TestMessage:
    async def test_reaches_every_member_and_the_sender(self, connect):
        ann, bob, eve = await in_thread(people.make_people, "ann", "bob", "eve")
        chat = await in_thread(people.make_group, ann, bob)
        at_anns, at_bobs, at_eves = await connect(ann), await connect(bob), await connect(eve)
        reply = await at_anns.say(chat.pk, "Привет 👋")
        assert reply["type"] == "reply"
        for socket in (at_anns, at_bobs):
            event = await socket.message("Привет 👋")
            assert (event["chat_id"], event["revision"]) == (chat.pk, reply["revision"])
            assert event["message"]["seq"] == reply["seq"] == 1
        assert await at_eves.everything_until_now() == []
