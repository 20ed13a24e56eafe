"""A chat, and one person of every kind that there is beside it."""

from __future__ import annotations

from functools import cached_property

from django.conf import settings
from django.core.files.base import ContentFile
from django.test import Client

from chat.models import User
from chat.services.chats import chats
from chat.services.people.account_deletion import delete_account
from tests.integration.chat.test_api import World
from tests.security.rights import KINDS
from tests.support.people import ban, browser_of, make_person, remove, session_key
from tests.support.staff import staff_of

MEMBERS = ("left", "removed", "banned", "deleted", "member", "admin")


class EveryKind(World):
    """The owner's group with a message, an upload and webhooks in it."""

    def __init__(self) -> None:
        super().__init__()
        self.attachment.file.save("words", ContentFile(b"words"))
        self.everyone: dict[str, User | None] = {
            "nobody": None,
            "stranger": self.eve,
            "invited": self.gone,
            "author": self.bob,
            "owner": self.ann,
            "moderator": staff_of("Moderators"),
            "operator": staff_of("Operators"),
            "auditor": staff_of("Auditors"),
            "superuser": make_person("root", is_staff=True, is_superuser=True),
        }
        for kind in MEMBERS:
            self.everyone[kind] = person = make_person(kind)
            chats.add_member(actor=self.ann, chat_id=self.chat.pk, user_id=person.pk)
        assert self.everyone.keys() == set(KINDS)
        # Signed in while all was well.
        self.keys = {kind: session_key(who) for kind, who in self.everyone.items() if who}
        self._lose_their_rights()

    def _lose_their_rights(self) -> None:
        left, removed, banned, deleted, admin = (
            self.person(kind) for kind in ("left", "removed", "banned", "deleted", "admin")
        )
        chats.leave_chat(user=left, chat_id=self.chat.pk)
        remove(self.chat, removed)
        ban(banned)
        delete_account(deleted)
        chats.set_role(actor=self.ann, chat_id=self.chat.pk, user_id=admin.pk, role="admin")

    def person(self, kind: str) -> User:
        person = self.everyone[kind]
        assert person is not None
        return person

    @cached_property
    def clients(self) -> dict[str, Client]:
        """Each with the session from before; nobody's has none."""
        options = {"raise_request_exception": False}
        found = {kind: browser_of(None, **options) for kind in KINDS}
        for kind, key in self.keys.items():
            found[kind].cookies[settings.SESSION_COOKIE_NAME] = key
        return found
