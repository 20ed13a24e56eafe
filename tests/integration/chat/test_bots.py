"""A bot is said to be one wherever its name stands, and is nobody where people are counted."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.errors import BadTextError, ConflictError, ForbiddenError
from chat.models import Chat, IncomingWebhook, Membership, Message, User
from chat.reads.directory import find_people, find_public_chats, list_members
from chat.reads.message_receipts import count_receipts
from chat.reads.summaries import chat_summary, small_chats
from chat.services.chats import chats
from chat.services.chats.invites import create_invite
from chat.webhooks.incoming import create_incoming_webhook, post_by_webhook
from chat.wire.payloads import message_payload, person_payload
from tests.integration.chat.conftest import in_thread
from tests.support import people

pytestmark = pytest.mark.django_db


def make_hook(actor: User, chat: Chat, name: str = "Builds") -> IncomingWebhook:
    return create_incoming_webhook(actor=actor, chat_id=chat.pk, name=name)[0]


@pytest.fixture
def hook(ann: User, chat: Chat) -> IncomingWebhook:
    return make_hook(ann, chat)


class TestOnTheWire:
    def test_a_bot_is_said_to_be_one_and_a_person_is_spared_the_word(
        self, hook: IncomingWebhook, ann: User, chat: Chat
    ) -> None:
        named = {"id": hook.bot.pk, "name": "Builds", "username": hook.bot.username}
        assert person_payload(hook.bot) == {**named, "is_bot": True}
        assert person_payload(ann) == {"id": ann.pk, "name": ann.name, "username": ann.username}
        members = {
            one["user"]["id"]: one["user"] for one in list_members(chat.pk, "", 0)["members"]
        }
        assert members[hook.bot.pk] == {**named, "is_bot": True}

    def test_a_message_says_it_of_its_sender_and_of_whom_it_quotes(
        self, hook: IncomingWebhook, ann: User, chat: Chat
    ) -> None:
        posted = post_by_webhook(hook, content="green", key=None)
        message = Message.objects.get(pk=posted.message_id)
        reply = people.post_text(chat, ann, "good", reply_to_id=message.pk)
        assert message_payload(message)["sender"]["is_bot"] is True
        assert "is_bot" not in message_payload(reply)["sender"]
        assert message_payload(reply)["reply_to"]["sender"]["is_bot"] is True
        assert chat_summary(ann, chat.pk)["last_message"]["sender"]["username"] == ann.username

    def test_posting_asks_nothing_more_to_say_it(
        self, hook: IncomingWebhook, ann: User, chat: Chat, told: Any
    ) -> None:
        def post() -> None:
            people.post(chat, ann)
            post_by_webhook(hook, content="green", key=None)

        with CaptureQueriesContext(connection) as asked:
            told(post)
        queries = [query["sql"] for query in asked.captured_queries]
        assert [sql for sql in queries if 'FROM "chat_user" WHERE' in sql] == []

    @pytest.mark.django_db(transaction=True)
    async def test_those_who_look_are_told_with_the_message(
        self, connect: Any, hook: IncomingWebhook, bob: User, chat: Chat
    ) -> None:
        socket = await connect(bob)
        await in_thread(post_by_webhook, hook, content="green", key=None)
        created = await socket.message("green")
        assert created["message"]["sender"] == person_payload(hook.bot)


class TestCounting:
    def test_leaves_bots_out(self, hook: IncomingWebhook, ann: User, bob: User, chat: Chat) -> None:
        make_hook(ann, chat, "Deployments")
        summary = chat_summary(ann, chat.pk)
        assert summary["member_count"] == 2
        assert [cursor["user_id"] for cursor in summary["cursors"]] == [bob.pk]

    def test_of_those_whom_a_message_reaches_leaves_them_out(
        self, hook: IncomingWebhook, ann: User, chat: Chat
    ) -> None:
        assert count_receipts(people.post_text(chat, ann)).members == 1

    def test_of_a_public_chat_and_of_an_invitation_leaves_them_out(
        self, ann: User, bob: User, client: Any
    ) -> None:
        ann.display_name = "Ann"
        ann.save()
        chat = people.make_public(ann, title="Garden")
        make_hook(ann, chat)
        assert [one["member_count"] for one in find_public_chats(bob, "Garden", 0)["chats"]] == [1]
        invite = create_invite(actor=ann, chat_id=chat.pk, seconds=None, most_uses=None)
        page = client.get(f"/join/{invite.token}").content.decode()
        assert "It has 1 member." in page
        assert f"<bdi>Ann @{ann.username}</bdi> invites you" in page

    def test_lets_people_into_a_group_that_bots_alone_have_filled(
        self, hook: IncomingWebhook, ann: User, chat: Chat, settings: Any
    ) -> None:
        settings.LIMIT_MEMBERS_PER_GROUP = 3
        eve, mallory = people.make_people("eve", "mallory")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=eve.pk)
        with pytest.raises(ConflictError):
            chats.add_member(actor=ann, chat_id=chat.pk, user_id=mallory.pk)

    def test_makes_no_small_chat_large(
        self, hook: IncomingWebhook, chat: Chat, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("chat.reads.summaries.SMALL_CHAT_MEMBERS", 2)
        assert small_chats([chat.pk]) == {chat.pk}

    def test_is_told_to_those_who_look(
        self, told: Any, ann: User, chat: Chat, hook: IncomingWebhook
    ) -> None:
        events = told(lambda: make_hook(ann, chat, "Deployments"))
        joined = [line for event in events if "member.joined" in (line := str(event))]
        assert joined
        assert all('"member_count":2' in line.replace(" ", "") for line in joined)


class TestRoles:
    @pytest.mark.parametrize("role", ["owner", "admin", "member"])
    def test_are_for_people(self, hook: IncomingWebhook, ann: User, chat: Chat, role: str) -> None:
        with pytest.raises(ForbiddenError):
            chats.set_role(actor=ann, chat_id=chat.pk, user_id=hook.bot_id, role=role)
        assert people.membership(chat, hook.bot).role == Membership.Role.MEMBER

    def test_of_an_owner_who_leaves_pass_to_a_person_or_to_whoever_comes(
        self, hook: IncomingWebhook, ann: User, bob: User, chat: Chat
    ) -> None:
        chats.leave_chat(user=ann, chat_id=chat.pk)
        assert people.membership(chat, bob).role == Membership.Role.OWNER
        chats.leave_chat(user=bob, chat_id=chat.pk)
        assert people.membership(chat, hook.bot).role == Membership.Role.MEMBER


class TestTheNameOfABot:
    @pytest.mark.parametrize("name", ["Анна Петрова", "Aнна  Петрова", "анна петpова"])
    def test_is_not_like_that_of_somebody_who_is_there(
        self, ann: User, chat: Chat, name: str
    ) -> None:
        anna = people.make_person("anna", display_name="Анна Петрова")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=anna.pk)
        with pytest.raises(ConflictError):
            make_hook(ann, chat, name)
        assert not IncomingWebhook.objects.exists()
        people.remove(chat, anna)
        assert make_hook(ann, chat, name).bot.is_bot

    def test_is_not_like_a_username_there(self, ann: User, bob: User, chat: Chat) -> None:
        for name in (bob.username, bob.username.upper(), bob.username.replace("o", "0")):
            with pytest.raises(ConflictError):
                make_hook(ann, chat, name)

    @pytest.mark.parametrize("name", ["Moderator", "Аdmin", "System", "Deleted account"])
    def test_does_not_speak_for_the_chat(self, ann: User, chat: Chat, name: str) -> None:
        with pytest.raises(BadTextError):
            make_hook(ann, chat, name)

    def test_finds_nobody(self, hook: IncomingWebhook, ann: User) -> None:
        assert find_people(ann, "Builds") == []
