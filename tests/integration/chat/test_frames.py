"""Every frame type of the socket: used rightly, by those who may not, with every wrong field.

A new frame type without a case here fails `test_every_frame_type_has_a_case`.
"""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

from chat.live.consumers import ChatConsumer
from chat.live.frames import REQUESTS
from chat.wire.protocol import MAX_FRAME_BYTES
from tests.integration.chat.conftest import in_thread
from tests.support.people import (
    ban,
    everything_stored,
    make_group,
    make_people,
    make_public,
    post_text,
    remove,
)

NO_TEXT = [None, 5, True, ["a"], {"a": 1}]
NO_ID: list[Any] = [None, 0, -1, True, 1.5, "1", [1], {}, 2**63, 10**30]
NO_SEQ = [-1, True, 1.5, "1", [1], 2**63]


@dataclass(frozen=True)
class Case:
    type: str
    fields: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, list[Any]] = field(default_factory=dict)
    reply: set[str] = field(default_factory=set)
    is_answered: bool = True

    def __str__(self) -> str:
        return self.type

    @property
    def is_of_a_chat(self) -> bool:
        return {"chat_id", "message_id"} & set(self.fields) != set()


CASES = [
    Case("ping"),
    Case(
        "message.send",
        {"chat_id": "{chat}", "client_message_id": "{uuid}", "content": "Hello"},
        wrong={
            "chat_id": NO_ID,
            "client_message_id": [*NO_TEXT, "", "x", "0" * 33],
            "content": [*NO_TEXT, "", "\u200b", "a\0b", "x" * 4001],
            "reply_to": [value for value in [*NO_ID, 10**12] if value is not None],
        },
        reply={"message_id", "seq", "revision", "created_at", "duplicate"},
    ),
    Case(
        "message.edit",
        {"message_id": "{message}", "content": "Edited"},
        wrong={"message_id": NO_ID, "content": [*NO_TEXT, "", "a\0b", "x" * 4001]},
        reply={"revision"},
    ),
    Case(
        "message.delete",
        {"message_id": "{message}"},
        wrong={"message_id": NO_ID},
        reply={"revision"},
    ),
    Case(
        "reaction.set",
        {"message_id": "{message}", "emoji": "👍", "on": True},
        wrong={"message_id": NO_ID, "emoji": [*NO_TEXT, "", "ok", "\0"], "on": [None, 1, "true"]},
        reply={"revision"},
    ),
    Case(
        "chat.sync",
        {"chat_id": "{chat}", "revision": 0},
        wrong={"chat_id": NO_ID, "revision": [None, *NO_SEQ]},
        reply={"chat_id", "after", "revision", "more", "changes"},
    ),
    Case(
        "chat.history",
        {"chat_id": "{chat}"},
        wrong={"chat_id": NO_ID, "before_seq": NO_SEQ, "around_seq": NO_SEQ},
        reply={"chat_id", "messages", "before_more", "after_more"},
    ),
    Case(
        "receipt",
        {"chat_id": "{chat}", "read_seq": 1},
        wrong={"chat_id": NO_ID, "read_seq": NO_SEQ, "delivered_seq": NO_SEQ},
        is_answered=False,
    ),
    Case("typing", {"chat_id": "{chat}"}, wrong={"chat_id": NO_ID}, is_answered=False),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_case_of_a_chat = pytest.mark.parametrize(
    "case", [case for case in CASES if case.is_of_a_chat], ids=str
)


def frame_types() -> set[str]:
    """What the consumer's own code takes."""
    source = textwrap.dedent(inspect.getsource(ChatConsumer._handle))
    patterns = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.MatchValue)]
    return {ast.literal_eval(pattern.value) for pattern in patterns} | set(REQUESTS)


def test_every_frame_type_has_a_case():
    assert {case.type for case in CASES} == frame_types()


class World:
    """Ann's group with bob and a message of his; eve is in no chat."""

    def __init__(self) -> None:
        self.ann, self.bob, self.eve = make_people("ann", "bob", "eve")
        self.chat = make_group(self.ann, self.bob)
        self.message = post_text(self.chat, self.bob, "the secret words")

    def fields(self, case: Case, **other: Any) -> dict[str, Any]:
        given = {
            "{chat}": self.chat.pk,
            "{message}": self.message.pk,
            "{uuid}": str(uuid.uuid4()),
        }
        filled = {
            name: given.get(value, value) if isinstance(value, str) else value
            for name, value in case.fields.items()
        }
        return {**filled, **other}


@pytest.fixture
async def world(live, settings):
    settings.LIMIT_FRAMES_PER_SECOND = settings.LIMIT_MESSAGES_PER_MINUTE = 0
    return await in_thread(World)


async def stored() -> dict[str, list[Any]]:
    return await in_thread(everything_stored)


async def refusals(socket) -> list[dict[str, Any]]:
    lines = await socket.everything_until_now()
    return [line for line in lines if line["type"] == "error"]


class TestMember:
    @every_case
    async def test_is_answered_once_with_the_fields_of_the_contract(self, connect, world, case):
        socket = await connect(world.bob)
        if not case.is_answered:
            await socket.send(case.type, request_id="r", **world.fields(case))
            assert await refusals(socket) == []
            assert not any(line.get("request_id") == "r" for line in socket.seen)
            return
        reply = await socket.ask(case.type, **world.fields(case))
        assert reply["type"] == "reply", reply
        assert set(reply) == {"type", "request_id", *case.reply}
        await socket.everything_until_now()
        answers = [line for line in socket.seen if line.get("request_id") == reply["request_id"]]
        assert answers == [reply]

    @every_case
    async def test_may_leave_the_request_id_out(self, connect, world, case):
        socket = await connect(world.bob)
        await socket.send(case.type, **world.fields(case))
        await socket.everything_until_now()
        if case.is_answered:
            answer = await socket.answer(None)
            assert answer["type"] == "reply"


class TestWrongFields:
    @every_case
    async def test_are_answered_with_an_error_and_change_nothing(self, connect, world, case):
        socket = await connect(world.bob)
        before = await stored()
        asked: list[tuple[str, str]] = []
        for name, values in case.wrong.items():
            for value in values:
                request_id = f"{name}={value!r:.40}-{len(asked)}"
                asked.append((request_id, name))
                fields = world.fields(case, **{name: value})
                await socket.send(case.type, request_id=request_id, **fields)
        for request_id, name in asked:
            error = await socket.answer(request_id)
            assert error["type"] == "error", (request_id, error)
            assert set(error) <= {"type", "request_id", "code", "detail", "retry_after"}
            text = {"empty", "bad_text", "too_long"} if name in {"content", "emoji"} else set()
            assert error["code"] in {"bad_request", *text}, (request_id, error)
            assert error["detail"]
        assert (await socket.ask("ping"))["type"] == "reply"
        assert await stored() == before

    @every_case
    async def test_that_are_missing_are_named(self, connect, world, case):
        socket = await connect(world.bob)
        for name in case.fields:
            if None in case.wrong.get(name, []):
                fields = world.fields(case)
                del fields[name]
                error = await socket.ask(case.type, **fields)
                assert (error["code"], name in error["detail"]) == ("bad_request", True)


@pytest.mark.embedded
class TestStranger:
    @every_case_of_a_chat
    async def test_is_told_what_is_told_of_what_does_not_exist(self, connect, world, case):
        socket = await connect(world.eve)
        before = await stored()
        not_yours = await socket.ask(case.type, **world.fields(case))
        nowhere = {n: 10**12 for n in ("chat_id", "message_id") if n in case.fields}
        not_there = await socket.ask(case.type, **world.fields(case, **nowhere))
        assert not_yours.pop("request_id") != not_there.pop("request_id")
        assert not_yours == not_there
        assert not_yours["code"] == "not_found"
        assert await stored() == before
        assert "secret" not in json.dumps(socket.seen)

    @every_case_of_a_chat
    async def test_may_have_been_a_member_when_the_socket_opened(self, connect, world, case):
        socket = await connect(world.bob)
        await in_thread(remove, world.chat, world.bob)
        await socket.next("chat.removed")
        before = await stored()
        error = await socket.ask(case.type, **world.fields(case))
        assert (error["type"], error["code"]) == ("error", "not_found")
        assert await stored() == before

    @every_case_of_a_chat
    async def test_is_refused_in_a_public_chat_too(self, connect, world, case):
        world.chat = await in_thread(make_public, world.ann)
        world.message = await in_thread(post_text, world.chat, world.ann)
        socket = await connect(world.eve)
        before = await stored()
        assert (await socket.ask(case.type, **world.fields(case)))["code"] == "not_found"
        assert await stored() == before

    @every_case_of_a_chat
    async def test_may_be_banned_while_the_socket_is_open(self, connect, world, case):
        socket = await connect(world.bob)
        await in_thread(ban, world.bob)
        before = await stored()
        await socket.send(case.type, **world.fields(case))
        assert await socket.closed() == 4401
        if case.type != "receipt":
            assert await stored() == before


@pytest.mark.embedded
class TestBadFrame:
    FRAMES = {
        "": "bad_frame",
        " ": "bad_frame",
        "hello": "bad_frame",
        "[]": "bad_frame",
        "5": "bad_frame",
        "null": "bad_frame",
        '{"type": "ping"': "bad_frame",
        '{"type": "ping", "n": NaN}': "bad_frame",
        '{"type": "ping"}\n{"type": "ping"}': "bad_frame",
        "[" * 10_000: "bad_frame",
        '{"a":' * 10_000 + "1" + "}" * 10_000: "bad_frame",
        "{}": "unknown_type",
        '{"type": 5}': "unknown_type",
        '{"type": "chat.destroy"}': "unknown_type",
        '{"type": "hub.events"}': "unknown_type",
        '{"type": "websocket.close"}': "unknown_type",
        '{"type": "ping", "request_id": 5}': "bad_request",
        '{"type": "chat.sync", "chat_id": ' + "9" * 5000 + ', "revision": 0}': "bad_frame",
        "x" * (MAX_FRAME_BYTES + 1): "frame_too_large",
        "я" * (MAX_FRAME_BYTES // 2 + 1): "frame_too_large",
    }

    async def test_is_answered_with_its_code_and_never_closes_the_socket(self, connect, world):
        socket = await connect(world.bob)
        for text, code in self.FRAMES.items():
            await socket.send_text(text)
            error = await socket.answer(None)
            assert (error["type"], error["code"]) == ("error", code), text[:60]
            assert error["detail"]
        assert (await socket.ask("ping"))["type"] == "reply"

    async def test_may_be_binary(self, connect, world):
        socket = await connect(world.bob)
        for data in (b"\x00\xff", b'{"type": "ping"}', b"x" * 70_000):
            await socket.send_bytes(data)
            assert (await socket.answer(None))["code"] == "bad_frame"
        assert (await socket.ask("ping"))["type"] == "reply"

    async def test_of_64_kib_is_fine(self, connect, world):
        socket = await connect(world.bob)
        start = '{"type": "ping", "request_id": "full", "filler": "'
        text = start + "x" * (MAX_FRAME_BYTES - len(start) - 2) + '"}'
        await socket.send_text(text)
        assert (await socket.answer("full"))["type"] == "reply"
        await socket.send_text(text.replace("x", "xx", 1))
        assert (await socket.answer(None))["code"] == "frame_too_large"

    async def test_with_an_unknown_type_is_answered_by_its_id(self, connect, world):
        socket = await connect(world.bob)
        assert (await socket.ask("chat.destroy"))["code"] == "unknown_type"

    async def test_with_a_lone_surrogate_is_answered_by_its_id(self, connect, world):
        socket = await connect(world.bob)
        error = await socket.say(world.chat.pk, "a\ud800b")
        assert error["code"] == "bad_text"

    async def test_is_answered_in_the_persons_language(self, connect, world):
        world.bob.language = "ru"
        await in_thread(world.bob.save)
        socket = await connect(world.bob)
        assert socket.welcome["user"]["language"] == "ru"
        for error in (
            await socket.say(world.chat.pk, ""),
            await socket.ask("message.edit", message_id=10**12, content="x"),
            await socket.ask("nothing"),
        ):
            assert any("а" <= character <= "я" for character in error["detail"]), error


class TestOrderOfAnswers:
    async def test_many_requests_are_each_answered_once(self, connect, world):
        socket = await connect(world.bob)
        asked = []
        for n in range(40):
            case = CASES[n % 7]
            asked.append(f"r-{n}")
            await socket.send(case.type, request_id=f"r-{n}", **world.fields(case))
        for request_id in asked:
            await socket.answer(request_id)
        await socket.everything_until_now()
        assert not [line for line in socket.lines if "request_id" in line]

    async def test_edits_are_done_in_the_order_they_came(self, connect, world):
        socket = await connect(world.bob)
        for n in range(10):
            await socket.send(
                "message.edit", request_id=f"r-{n}", message_id=world.message.pk, content=f"{n}"
            )
        revisions = [(await socket.answer(f"r-{n}"))["revision"] for n in range(10)]
        assert revisions == sorted(revisions)
        await in_thread(world.message.refresh_from_db)
        assert world.message.content == "9"
