"""Who may not do something is told so before a row is locked, and is refused under the lock, too.

See Note [Rights before locks] in chat.services.access.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.errors import ChatError, ForbiddenError, NotFoundError
from chat.models import Chat, IncomingWebhook, Invite, Membership, Message, User, Webhook
from chat.models.webhooks import WebhookQuerySet
from chat.services import access, attachments, messages, notifications
from chat.services.chats import chats, invites
from chat.services.people import moderation
from chat.services.people.account_deletion import delete_account
from chat.services.posting import pipelined_rows, rows
from chat.services.posting.locks import lock_chats_of
from chat.webhooks import incoming as incoming_webhooks
from chat.webhooks import outgoing as webhooks
from tests.support import people
from tests.support.servers import ROOT
from tests.support.staff import staff_of

WRITERS = (ROOT / "chat/services", ROOT / "chat/webhooks")
URL = "https://127.0.0.1/hook"


@dataclass
class World:
    """A group of Ann, who owns it, Bob and Dan, with one of everything."""

    ann: User
    bob: User
    chat: Chat
    message: Message
    invite: Invite
    webhook: Webhook
    incoming: IncomingWebhook
    upload: uuid.UUID


Action = Callable[[World, User], object]

# What members do, as somebody else tries it.
MEMBERS: dict[str, Action] = {
    "post": lambda w, who: people.post(w.chat, who),
    "post another's upload": lambda w, who: people.post(w.chat, who, attachment_ids=(w.upload,)),
    "edit": lambda w, who: messages.edit_message(
        actor=who, message_id=w.message.pk, content="mine"
    ),
    "delete": lambda w, who: messages.delete_message(actor=who, message_id=w.message.pk),
    "react": lambda w, who: messages.set_reaction(
        actor=who, message_id=w.message.pk, emoji="👍", on=True
    ),
    "take a reaction back": lambda w, who: messages.set_reaction(
        actor=who, message_id=w.message.pk, emoji="👍", on=False
    ),
    "upload": lambda w, who: attachments.store_upload(
        uploader=who, chat_id=w.chat.pk, file=SimpleUploadedFile("a.txt", b"words")
    ),
    "discard an upload": lambda w, who: attachments.discard_upload(
        uploader=who, attachment_id=w.upload
    ),
    "leave": lambda w, who: chats.leave_chat(user=who, chat_id=w.chat.pk),
    "mute": lambda w, who: notifications.set_notify(
        user=who, chat_id=w.chat.pk, level="nothing", mute_minutes=None
    ),
    "join": lambda w, who: chats.join_chat(user=who, chat_id=w.chat.pk),
    "use a link that was taken back": lambda w, who: invites.use_invite(
        user=who, token=w.invite.token
    ),
}
# What those who manage a chat do.
MANAGERS: dict[str, Action] = {
    "rename": lambda w, who: chats.rename_chat(actor=who, chat_id=w.chat.pk, title="Mine"),
    "add a member": lambda w, who: chats.add_member(actor=who, chat_id=w.chat.pk, user_id=w.bob.pk),
    "remove a member": lambda w, who: chats.remove_member(
        actor=who, chat_id=w.chat.pk, user_id=w.bob.pk
    ),
    "give a role": lambda w, who: chats.set_role(
        actor=who, chat_id=w.chat.pk, user_id=w.bob.pk, role="admin"
    ),
    "make a link": lambda w, who: invites.create_invite(actor=who, chat_id=w.chat.pk),
    "take a link back": lambda w, who: invites.revoke_invite(
        actor=who, chat_id=w.chat.pk, invite_id=w.invite.pk
    ),
    "make a webhook": lambda w, who: webhooks.create_webhook(
        actor=who, chat_id=w.chat.pk, name="mine", url=URL
    ),
    "delete a webhook": lambda w, who: webhooks.delete_webhook(
        actor=who, chat_id=w.chat.pk, webhook_id=w.webhook.pk
    ),
    "switch a webhook": lambda w, who: webhooks.set_webhook_active(
        actor=who, chat_id=w.chat.pk, webhook_id=w.webhook.pk, active=False
    ),
    "give a webhook a secret": lambda w, who: webhooks.rotate_secret(
        actor=who, chat_id=w.chat.pk, webhook_id=w.webhook.pk
    ),
    "make an incoming webhook": lambda w, who: incoming_webhooks.create_incoming_webhook(
        actor=who, chat_id=w.chat.pk, name="mine"
    ),
    "revoke an incoming webhook": lambda w, who: incoming_webhooks.revoke_incoming_webhook(
        actor=who, chat_id=w.chat.pk, webhook_id=w.incoming.pk
    ),
    "delete another's message": lambda w, who: messages.delete_message(
        actor=who, message_id=w.message.pk
    ),
}
# Of these nothing but one's own rows is locked; those who join are looked at below.
LOCKING_NOTHING = {
    *("upload", "discard an upload", "mute", "join", "use a link that was taken back"),
}
# Of a member, on what is another member's or for those who manage.
NOT_OWN: dict[str, Action] = {**MANAGERS, "edit another's message": MEMBERS["edit"]}
# What staff does.
STAFF: dict[str, Action] = {
    "hide a message": lambda w, who: moderation.hide_message(who, w.message.pk, "why"),
    "restore a message": lambda w, who: moderation.restore_message(who, w.message.pk, "why"),
    "ban": lambda w, who: moderation.ban_person(who, w.bob.pk, "why"),
    "lift a ban": lambda w, who: moderation.unban_person(who, w.bob.pk, "why"),
    "give rights": lambda w, who: moderation.set_staff_rights(
        who, w.bob.pk, is_staff=True, groups=[], reason="why"
    ),
}


@pytest.fixture
def world(transactional_db, settings, tmp_path) -> Iterator[World]:
    settings.MEDIA_ROOT = str(tmp_path)
    settings.WEBHOOK_ALLOW_PRIVATE = True
    ann, bob, dan = people.make_people("ann", "bob", "dan")
    chat = people.make_group(ann, bob, dan)
    incoming, _token = incoming_webhooks.create_incoming_webhook(
        actor=ann, chat_id=chat.pk, name="build"
    )
    invite = invites.create_invite(actor=ann, chat_id=chat.pk)
    invites.revoke_invite(actor=ann, chat_id=chat.pk, invite_id=invite.pk)
    upload = attachments.store_upload(
        uploader=ann, chat_id=chat.pk, file=SimpleUploadedFile("a.txt", b"words")
    )
    yield World(
        ann=ann,
        bob=bob,
        chat=chat,
        message=people.post_text(chat, ann, "words"),
        invite=invite,
        webhook=webhooks.create_webhook(actor=ann, chat_id=chat.pk, name="log", url=URL),
        incoming=incoming,
        upload=upload.pk,
    )
    connections.close_all()


def connect_elsewhere() -> psycopg.Connection:
    given: dict[str, Any] = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    return psycopg.connect(**{name: given[name] for name in names if name in given})


@pytest.fixture
def everything_locked(world) -> Iterator[None]:
    """Every row that one might lock is held elsewhere, and nobody here waits."""
    tables = (
        *("chat_chat", "chat_membership", "chat_message", "chat_user", "chat_attachment"),
        *("chat_invite", "chat_webhook", "chat_incomingwebhook", "chat_reaction"),
    )
    with connect_elsewhere() as other:
        for table in tables:
            other.execute(f"SELECT 1 FROM {table} FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        yield
        other.rollback()


def refused(action: Action, world: World, who: User) -> type[ChatError]:
    before = people.everything_stored()
    with pytest.raises(ChatError) as caught:
        action(world, who)
    assert people.everything_stored() == before
    return type(caught.value)


@pytest.mark.postgresql
@pytest.mark.usefixtures("everything_locked")
class TestWhoMayNot:
    """Waits for no lock: with all of them held by others, the answer comes all the same."""

    @pytest.fixture
    def world(self, world) -> World:
        # Before everything is locked.
        self.stranger = people.make_person("eve")
        self.hers = people.make_group(self.stranger)
        self.moderator = staff_of("Moderators")
        return world

    @pytest.mark.parametrize("action", {**MEMBERS, **MANAGERS}.values(), ids=[*MEMBERS, *MANAGERS])
    def test_as_a_stranger_is_told_at_once(self, world, action):
        assert refused(action, world, self.stranger) is NotFoundError

    @pytest.mark.parametrize("action", NOT_OWN.values(), ids=NOT_OWN.keys())
    def test_as_a_member_is_told_at_once(self, world, action):
        assert refused(action, world, world.bob) is ForbiddenError

    @pytest.mark.parametrize("action", STAFF.values(), ids=STAFF.keys())
    def test_as_no_staff_is_told_at_once(self, world, action):
        assert refused(action, world, world.ann) is ForbiddenError

    def test_as_one_who_manages_another_chat_is_told_at_once(self, world):
        with pytest.raises(NotFoundError):
            webhooks.delete_webhook(
                actor=self.stranger, chat_id=self.hers.pk, webhook_id=world.webhook.pk
            )


class TestWhoMayNoMore:
    """Was let through by the first look, and is refused by the second, under the lock."""

    @pytest.fixture
    def lose_rights(self, monkeypatch) -> Callable[[User], None]:
        """From now on, in the moment between the look and the lock."""

        def arrange(who: User) -> None:
            def lose() -> None:
                Membership.objects.filter(user=who).update(left_at=timezone.now(), role="member")

            lock, locked = access.lock_chat, WebhookQuerySet.locked
            lock_chats, ask_for_chats = lock_chats_of, pipelined_rows.ask_for_chats

            def late_chat(chat_id: int) -> Chat:
                lose()
                return lock(chat_id)

            def late_rows(hooks: WebhookQuerySet) -> WebhookQuerySet:
                lose()
                return locked(hooks)

            def late_chats(posters: set[tuple[int, int]]) -> dict[int, Chat]:
                found = lock_chats(posters)
                lose()
                return found

            def late_answer(posters: list[tuple[int, int]]) -> Any:
                asked = ask_for_chats(posters)
                lose()
                return asked

            monkeypatch.setattr(access, "lock_chat", late_chat)
            monkeypatch.setattr(WebhookQuerySet, "locked", late_rows)
            monkeypatch.setattr(rows, "lock_chats_of", late_chats)
            monkeypatch.setattr(pipelined_rows, "ask_for_chats", late_answer)

        return arrange

    LOCKING = {
        name: action
        for name, action in {**MEMBERS, **MANAGERS}.items()
        if name not in LOCKING_NOTHING
    }

    @pytest.mark.parametrize("action", LOCKING.values(), ids=LOCKING.keys())
    def test_is_refused(self, world, lose_rights, action):
        lose_rights(world.ann)
        with pytest.raises(NotFoundError):
            action(world, world.ann)

    def test_joins_no_chat_that_was_closed_meanwhile(self, world, monkeypatch):
        chat, eve = people.make_public(world.ann), people.make_person("eve")
        lock = access.lock_chat

        def close(chat_id: int) -> Chat:
            Chat.objects.filter(pk=chat_id).update(kind="group")
            return lock(chat_id)

        monkeypatch.setattr(access, "lock_chat", close)
        with pytest.raises(NotFoundError):
            chats.join_chat(user=eve, chat_id=chat.pk)

    def test_uses_no_link_that_was_taken_back_meanwhile(self, world, monkeypatch):
        invite = invites.create_invite(actor=world.ann, chat_id=world.chat.pk)
        eve, lock = people.make_person("eve"), access.lock_chat

        def revoke(chat_id: int) -> Chat:
            Invite.objects.update(revoked_at=timezone.now())
            return lock(chat_id)

        monkeypatch.setattr(access, "lock_chat", revoke)
        with pytest.raises(NotFoundError):
            invites.use_invite(user=eve, token=invite.token)


@pytest.mark.postgresql
class TestDeletedAccount:
    def test_waits_for_its_chats_with_nothing_of_the_person_locked(self, world):
        """A post has its chat locked, and then refers to who sends it: each would wait for the
        other."""
        with connect_elsewhere() as other, connection.cursor() as cursor:
            other.execute("SELECT 1 FROM chat_chat FOR UPDATE")
            cursor.execute("SET lock_timeout = '50ms'")
            with CaptureQueriesContext(connection) as asked, pytest.raises(OperationalError):
                delete_account(world.bob)
            other.rollback()
        assert not [query["sql"] for query in asked if query["sql"].startswith("UPDATE")]


class TestLock:
    def test_of_a_chat_is_taken_where_the_look_is_taken(self):
        """By `locked_for`; moderation has looked at the staff's own rights, and who has a webhook's
        token has the right to it."""
        files = (path for folder in WRITERS for path in folder.rglob("*.py"))
        calling = {path.name for path in files if "lock_chat(" in path.read_text()}
        assert calling == {"access.py", "incoming.py", "moderation.py"}
