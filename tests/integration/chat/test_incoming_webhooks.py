"""The address that posts as a bot: what it takes and refuses, and that it gives nothing away."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.test import Client

from chat.errors import ConflictError, ForbiddenError, NotFoundError
from chat.models import Chat, IncomingWebhook, Membership, Message, User
from chat.services.chats import chats
from chat.webhooks.incoming import create_incoming_webhook, revoke_incoming_webhook
from messaging.models import OutboxEvent
from tests.support.people import everything_stored, make_person
from webchat.log import JsonFormatter

pytestmark = pytest.mark.django_db


class Hook:
    def __init__(self, actor: User, chat: Chat) -> None:
        self.row, self.token = create_incoming_webhook(actor=actor, chat_id=chat.pk, name="Builds")

    def post(self, body: Any = None, *, token: str = "", **headers: str) -> Any:
        given = {"text": "Build 17 is green"} if body is None else body
        return Client(enforce_csrf_checks=True, raise_request_exception=False).post(
            f"/hooks/{token or self.token}",
            given if isinstance(given, bytes) else json.dumps(given),
            content_type="application/json",
            headers=headers,
        )


@pytest.fixture
def hook(ann, chat) -> Hook:
    return Hook(ann, chat)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class TestPosting:
    @pytest.mark.parametrize("field", ["text", "content"])
    def test_writes_to_the_chat_under_the_name_of_its_bot(self, hook, chat, field):
        answer = hook.post({field: "Сборка готова", "username": "Ann", "icon_emoji": ":ghost:"})
        message = Message.objects.get()
        assert answer.status_code == 201
        assert answer.json() == {"message_id": message.pk, "seq": 1, "duplicate": False}
        assert (message.chat_id, message.content) == (chat.pk, "Сборка готова")
        assert (message.sender.name, message.sender.is_bot) == ("Builds", True)

    def test_with_an_id_happens_once_however_often_it_is_sent(self, hook):
        answers = [hook.post({"text": "green", "id": "build-17"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 200, 200]
        assert len({answer.json()["message_id"] for answer in answers}) == 1
        assert hook.post({"text": "green", "id": "build-18"}).status_code == 201
        assert Message.objects.count() == 2

    def test_takes_the_id_from_the_header_too(self, hook):
        for _ in range(2):
            hook.post(**{"Idempotency-Key": "build-17"})
        assert Message.objects.count() == 1

    def test_with_the_same_id_at_another_webhook_is_another_message(self, hook, ann, chat):
        hook.post({"text": "green", "id": "1"})
        Hook(ann, chat).post({"text": "green", "id": "1"})
        assert Message.objects.count() == 2

    def test_notes_when_it_was_used(self, hook):
        hook.post()
        hook.row.refresh_from_db()
        assert hook.row.last_used_at


@pytest.mark.embedded
class TestRefusal:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"", (400, "bad_request")),
            (b"{", (400, "bad_frame")),
            (b"[]", (400, "bad_frame")),
            (b"text=hello", (400, "bad_frame")),
            (b"\xff", (400, "bad_frame")),
            (b'{"text": "\\ud800"}', (400, "bad_text")),
            ({}, (400, "bad_request")),
            ({"text": None}, (400, "bad_request")),
            ({"text": 5}, (400, "bad_request")),
            ({"text": "  "}, (400, "empty")),
            ({"text": "a\0b"}, (400, "bad_text")),
            ({"text": "x" * 4001}, (400, "too_long")),
            ({"text": "x", "id": 5}, (400, "bad_request")),
            ({"text": "x", "id": "x" * 201}, (400, "bad_request")),
            ({"text": "x" * 66_000}, (413, "frame_too_large")),
        ],
    )
    def test_of_a_bad_body_says_what_is_wrong_and_writes_nothing(self, hook, body, expected):
        before = everything_stored()
        assert code(hook.post(body)) == expected
        assert everything_stored() == before

    def test_is_the_same_for_what_never_was_and_what_is_no_more(self, hook, ann, chat):
        never = hook.post(token="x" * 43)
        revoke_incoming_webhook(actor=ann, webhook_id=hook.row.pk, chat_id=chat.pk)
        revoked = hook.post()
        assert code(never) == code(revoked) == (404, "not_found")
        assert never.content == revoked.content

    def test_over_the_limit_says_when_to_come_back(self, hook, ann, chat, settings):
        settings.LIMIT_HOOKS_PER_MINUTE = 2
        assert [hook.post().status_code for _ in range(3)] == [201, 201, 429]
        answer = hook.post()
        assert int(answer["Retry-After"]) > 0
        assert Hook(ann, chat).post().status_code == 201  # others have a limit of their own

    @pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
    def test_of_other_methods(self, hook, method):
        assert getattr(Client(), method)(f"/hooks/{hook.token}").status_code == 405

    def test_of_a_bot_that_was_taken_out_of_the_chat(self, hook, ann, chat):
        chats.remove_member(actor=ann, chat_id=chat.pk, user_id=hook.row.bot_id)
        assert code(hook.post()) == (404, "not_found")


@pytest.mark.embedded
class TestSecrecy:
    def test_keeps_only_a_hash_of_the_token(self, hook):
        stored = json.dumps(everything_stored(), default=str)
        assert hook.token not in stored
        assert len(hook.token) == 43

    def test_leaves_no_token_in_the_log(self, hook, caplog):
        caplog.set_level(logging.DEBUG)
        hook.post(b"{")
        hook.post(token="not-the-token-not-the-token")
        assert caplog.records
        lines = [JsonFormatter().format(record) for record in caplog.records]
        assert any("/hooks/…" in line for line in lines)
        assert not any(hook.token in line or "not-the-token" in line for line in lines)


class TestBot:
    def test_is_a_member_that_nobody_can_sign_in_as(self, hook, chat):
        bot = hook.row.bot
        assert Membership.objects.active().filter(chat=chat, user=bot, role="member").exists()
        assert not bot.has_usable_password()
        assert not Client().login(username=bot.username, password="")

    def test_cannot_be_talked_to_or_added_elsewhere(self, hook, ann):
        other = chats.create_chat(owner=ann, kind="group", title="Other")
        with pytest.raises(NotFoundError):
            chats.open_direct_chat(user=ann, other_id=hook.row.bot_id)
        with pytest.raises(NotFoundError):
            chats.add_member(actor=ann, chat_id=other.pk, user_id=hook.row.bot_id)

    def test_does_not_inherit_a_chat(self, hook, ann, bob, chat):
        chats.leave_chat(user=ann, chat_id=chat.pk)
        chats.leave_chat(user=bob, chat_id=chat.pk)
        bot = Membership.objects.active().get(chat=chat)
        assert (bot.user_id, bot.role) == (hook.row.bot_id, "member")

    def test_leaves_when_it_is_revoked_and_what_it_wrote_stays(self, hook, ann, chat):
        hook.post()
        for _ in range(2):
            revoke_incoming_webhook(actor=ann, webhook_id=hook.row.pk, chat_id=chat.pk)
        assert not Membership.objects.active().filter(user=hook.row.bot).exists()
        assert Message.objects.count() == 1
        assert OutboxEvent.objects.filter(event_type="incoming_webhook.revoked").count() == 1


class TestMaking:
    def test_is_for_those_who_manage_the_chat(self, ann, bob, chat):
        with pytest.raises(ForbiddenError):
            create_incoming_webhook(actor=bob, chat_id=chat.pk, name="Builds")
        with pytest.raises(NotFoundError):
            create_incoming_webhook(actor=make_person("eve"), chat_id=chat.pk, name="Builds")
        assert not IncomingWebhook.objects.exists()

    def test_is_not_for_a_direct_chat(self, ann, bob):
        chat = chats.open_direct_chat(user=ann, other_id=bob.pk)
        root = make_person("root", is_staff=True, is_superuser=True)
        with pytest.raises(ConflictError):
            create_incoming_webhook(actor=root, chat_id=chat.pk, name="Builds")

    def test_ends_when_a_chat_has_enough(self, ann, chat, settings):
        settings.LIMIT_WEBHOOKS_PER_CHAT = 1
        create_incoming_webhook(actor=ann, chat_id=chat.pk, name="Builds")
        with pytest.raises(ConflictError):
            create_incoming_webhook(actor=ann, chat_id=chat.pk, name="More builds")
