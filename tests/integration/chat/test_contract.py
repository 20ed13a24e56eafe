"""docs/asyncapi.yaml is true: a conversation brings what it says, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from chat.errors import ChatError, MethodNotAllowedError, SignedOutError
from chat.live.frames import REQUESTS
from chat.live.runtime import runtime
from chat.models import User
from chat.services.chats import chats
from chat.services.people.account_deletion import delete_account
from chat.services.people.blocks import block_person, unblock_person
from chat.wire.protocol import CloseCode
from tests.integration.chat.conftest import in_thread
from tests.support import needs, people
from tests.support.bus_parts import handle_waiting

yaml = needs.module("yaml")

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "docs" / "asyncapi.yaml").read_text()
)
# Answered by the consumer itself, without the database.
AT_ONCE = {"message.send", "receipt", "typing", "ping"}


def names(direction: str) -> set[str]:
    references = DOCUMENT["operations"][direction]["messages"]
    return {reference["$ref"].rpartition("/")[2] for reference in references}


def check(line: dict[str, Any]) -> None:
    """Raises where the line is not what the document says of its type."""
    name = "typed" if line["type"] == "typing" else line["type"]
    reference = DOCUMENT["channels"]["socket"]["messages"][name]["$ref"]
    schema = {"$ref": f"{reference}/payload", "components": DOCUMENT["components"]}
    fastjsonschema.compile(schema, use_default=False)(line)


def subclasses(kind: type[ChatError]) -> Iterator[type[ChatError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from subclasses(each)


class TestTheDocument:
    def test_names_every_frame_that_a_client_may_send(self) -> None:
        assert names("fromClient") == AT_ONCE | set(REQUESTS)

    def test_names_every_error_code(self) -> None:
        error = DOCUMENT["components"]["messages"]["error"]["payload"]
        over_http_only = {MethodNotAllowedError, SignedOutError}
        codes = {kind.code for kind in set(subclasses(ChatError)) - over_http_only}
        assert codes == set(error["properties"]["code"]["enum"])

    def test_names_every_close_code(self) -> None:
        for code in CloseCode:
            assert str(int(code)) in DOCUMENT["info"]["description"]


class TestALongConversation:
    @pytest.fixture
    async def lines(self, connect: Any) -> list[dict[str, Any]]:
        """All that two people and a third hear of everything that can be done."""
        ann, bob, eve = await in_thread(people.make_people, "ann", "bob", "eve")
        chat = await in_thread(people.make_group, ann, bob)
        first, second, third = await connect(ann), await connect(bob), await connect(eve)
        said = await first.say(chat.pk, f"Hello @{bob.username}")
        reply = await second.say(chat.pk, "And to you", reply_to=said["message_id"])
        ids = {"message_id": reply["message_id"]}
        await first.ask("reaction.set", emoji="👍", on=True, **ids)
        await second.ask("message.edit", content="And to you!", **ids)
        await second.ask("message.delete", **ids)
        await first.ask("chat.sync", chat_id=chat.pk, revision=0)
        await first.ask("chat.history", chat_id=chat.pk)
        await first.send("typing", chat_id=chat.pk)
        await second.send("receipt", chat_id=chat.pk, read_seq=2)
        await first.send("nonsense", request_id="?")
        for socket, kind in ((second, "typing"), (first, "status"), (first, "error")):
            await socket.next(kind)
        await in_thread(lambda: chats.add_member(actor=ann, chat_id=chat.pk, user_id=eve.pk))
        await in_thread(lambda: chats.rename_chat(actor=ann, chat_id=chat.pk, title="Renamed"))
        await third.next("chat.updated")
        await in_thread(lambda: chats.remove_member(actor=ann, chat_id=chat.pk, user_id=eve.pk))
        await third.next("chat.removed")
        await first.next("member.left")
        hub = runtime().hub
        for socket in hub.sockets:
            hub.put(socket, hub.heads_line(socket))
        await first.next("heads")
        await in_thread(people.make_direct, ann, bob)
        await in_thread(lambda: block_person(blocker=ann, user_id=bob.pk))
        await first.next("person.blocked")
        fourth = await connect(ann)
        await in_thread(lambda: unblock_person(blocker=ann, user_id=bob.pk))
        await first.next("person.blocked")
        await in_thread(handle_waiting)
        await second.next("notification")
        await in_thread(delete_account, await in_thread(User.objects.get, pk=bob.pk))
        await first.next("person.renamed")
        return [*first.seen, *second.seen, *third.seen, *fourth.seen]

    async def test_is_as_the_document_says(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            check(line)

    async def test_brings_nearly_everything_that_the_document_names(
        self, lines: list[dict[str, Any]]
    ) -> None:
        """What is left has tests of its own: healing (chat.changes) and stopping (goodbye)."""
        brought = {"typed" if line["type"] == "typing" else line["type"] for line in lines}
        assert names("toClient") - brought <= {"chat.changes", "goodbye"}
