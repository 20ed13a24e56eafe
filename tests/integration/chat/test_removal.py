"""Removal holds: by which road who comes into a chat, and what those are told who may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from chat.errors import ChatError, NotFoundError
from chat.models import AuditEntry, Chat, Invitation, Invite, Membership, User
from chat.services.chats import chats
from chat.services.chats.invites import create_invite, use_invite
from messaging.models import OutboxEvent
from tests.support import people
from tests.support.bus_parts import handle_waiting
from tests.support.servers import ROOT

pytestmark = pytest.mark.django_db

TO_MANAGERS = "Ask one of the people who manage it to let you back in"


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()
    yield
    cache.clear()


class World:
    """A public chat and a group of ann's, with bob as an admin of both, before carl came."""

    def __init__(self) -> None:
        self.ann, self.bob, self.carl = people.make_people("ann", "bob", "carl")
        self.public = people.make_public(self.ann, self.bob)
        self.group = people.make_group(self.ann, self.bob)
        for chat in (self.public, self.group):
            chats.set_role(actor=self.ann, chat_id=chat.pk, user_id=self.bob.pk, role="admin")
        self.old_link = create_invite(actor=self.ann, chat_id=self.group.pk)

    def make(self, state: str) -> None:
        for chat in (self.public, self.group):
            STATES[state](chat, self.carl)

    def ask(self, path: str, person: User, body: dict[str, Any] | None = None) -> Any:
        browser = people.browser_of(person)
        return browser.post(f"/api/{path}", body or {}, content_type="application/json")

    def add(self, by: User, chat: Chat) -> Any:
        return self.ask(f"chats/{chat.pk}/members", by, {"user_id": self.carl.pk})

    def come_by(self, link: Invite) -> Any:
        return people.browser_of(self.carl).post(f"/join/{link.token}")


@pytest.fixture
def world() -> World:
    return World()


def never_in(chat: Chat, person: User) -> None:
    """Nothing is known of them."""


def left(chat: Chat, person: User) -> None:
    come(chat, person)
    people.leave(chat, person)


def removed(chat: Chat, person: User) -> None:
    come(chat, person)
    people.remove(chat, person)


def let_back(chat: Chat, person: User) -> None:
    removed(chat, person)
    open_doors(chat, person)


STATES = {each.__name__: each for each in (never_in, left, removed, let_back)}


def come(chat: Chat, person: User) -> None:
    chats.add_member(actor=owner_of(chat), chat_id=chat.pk, user_id=person.pk)


def open_doors(chat: Chat, person: User) -> None:
    chats.let_back(actor=owner_of(chat), chat_id=chat.pk, user_id=person.pk)


def owner_of(chat: Chat) -> User:
    return User.objects.get(memberships__chat=chat, memberships__role="owner")


def is_in(chat: Chat, person: User) -> bool:
    return Membership.objects.active().filter(chat=chat, user=person).exists()


def facts(action: str) -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(event_type=action))


def invitation_for(chat: Chat, person: User, by: User) -> Invitation:
    """Whatever the person's state is: as if it had been sent before that."""
    end = timezone.now() + timedelta(days=1)
    return Invitation.objects.create(chat=chat, user=person, created_by=by, expires_at=end)


def dead_link(world: World) -> Invite:
    link = create_invite(actor=world.ann, chat_id=world.group.pk, most_uses=1)
    use_invite(user=people.make_person("first"), token=link.token)
    return link


def accept(world: World) -> Any:
    invitation = invitation_for(world.group, world.carl, world.ann)
    return world.ask(f"invitations/{invitation.pk}/accept", world.carl)


# Each road, what it leads into, and the answer: status, or status and the error's code.
Road = Callable[[World], Any]
DOORS: dict[str, tuple[Road, str]] = {
    "join": (lambda w: w.ask(f"chats/{w.public.pk}/join", w.carl), "public"),
    "an old link": (lambda w: w.come_by(w.old_link), "group"),
    "a new link": (
        lambda w: w.come_by(create_invite(actor=w.ann, chat_id=w.group.pk)),
        "group",
    ),
    "an admin's link": (
        lambda w: w.come_by(create_invite(actor=w.bob, chat_id=w.group.pk)),
        "group",
    ),
    "a link to a public chat": (
        lambda w: w.come_by(create_invite(actor=w.bob, chat_id=w.public.pk)),
        "public",
    ),
    "an invitation": (accept, "group"),
}
ADDED: dict[str, tuple[Road, str]] = {
    "added by the owner": (lambda w: w.add(w.ann, w.group), "group"),
    "added by an admin": (lambda w: w.add(w.bob, w.group), "group"),
    "added to a public chat": (lambda w: w.add(w.bob, w.public), "public"),
}
NOWHERE: dict[str, tuple[Road, str]] = {
    "join of a group": (lambda w: w.ask(f"chats/{w.group.pk}/join", w.carl), "group"),
    "a used link": (lambda w: w.come_by(dead_link(w)), "group"),
}
OPEN = ("never_in", "left", "let_back")
TABLE = [
    *((name, road, state, True, {200, 302}) for name, road in DOORS.items() for state in OPEN),
    *((name, road, "removed", False, {403}) for name, road in DOORS.items()),
    *((name, road, "never_in", True, {200}) for name, road in ADDED.items()),
    *((name, road, "let_back", True, {200}) for name, road in ADDED.items()),
    # Asked, not put back.
    *((name, road, "left", False, {200}) for name, road in ADDED.items()),
    *((name, road, "removed", False, {409}) for name, road in ADDED.items()),
    # What they may not know of stays unknown to the removed, too.
    *((name, road, state, False, {404}) for name, road in NOWHERE.items() for state in STATES),
]


class TestRoads:
    @pytest.mark.parametrize(
        ("road", "state", "comes_in", "statuses"),
        [pytest.param(*rest, id=f"{name}, {rest[1]}") for name, *rest in TABLE],
    )
    def test_lead_in_whom_they_should(self, world, road, state, comes_in, statuses):
        world.make(state)
        walk, kind = road
        answer = walk(world)
        assert answer.status_code in statuses, answer.content
        assert is_in(getattr(world, kind), world.carl) is comes_in

    def test_are_all_in_the_table(self):
        """Whatever makes a member calls `admit`; a new caller needs a row here."""
        callers = {
            path.stem
            for folder in ("services", "webhooks")
            for path in (ROOT / "chat" / folder).rglob("*.py")
            if re.search(r"\badmit\(|\bMembership\(", path.read_text())
        }
        # Their bots, and new chats' first members, are nobody who was removed.
        assert callers - {"memberships"} == {"chats", "invites", "incoming"}


class TestRefusal:
    def test_says_what_to_do(self, world):
        world.make("removed")
        answer = DOORS["join"][0](world)
        error = answer.json()["error"]
        assert (error["code"], TO_MANAGERS in error["detail"]) == ("forbidden", True)
        answer = ADDED["added by the owner"][0](world)
        error = answer.json()["error"]
        assert (error["code"], "Let them back in first" in error["detail"]) == ("conflict", True)

    def test_uses_nothing_of_a_link_up(self, world):
        world.make("removed")
        link = create_invite(actor=world.ann, chat_id=world.group.pk, most_uses=1)
        assert world.come_by(link).status_code == 403
        link.refresh_from_db()
        assert (link.uses, facts("invite.used")) == (0, [])
        use_invite(user=people.make_person("dora"), token=link.token)

    def test_comes_before_that_the_group_is_full(self, world, settings):
        settings.LIMIT_MEMBERS_PER_GROUP = 1
        removed(world.public, world.carl)
        link = create_invite(actor=world.ann, chat_id=world.public.pk)
        Chat.objects.filter(pk=world.public.pk).update(kind="group")
        assert world.come_by(link).status_code == 403

    def test_is_what_the_link_s_page_shows_instead_of_a_button(self, world):
        world.make("removed")
        page = f"/join/{world.old_link.token}"
        answer = people.browser_of(world.carl).get(page)
        text = answer.content.decode()
        assert answer.status_code == 403
        assert TO_MANAGERS in text
        assert "<form" not in text.split("<main")[1].split("</main>")[0]
        assert "<title>You could not join · Webchat</title>" in text
        # Others see what they saw before.
        assert people.browser_of(None).get(page).status_code == 200
        open_doors(world.group, world.carl)
        assert b"Join</button>" in people.browser_of(world.carl).get(page).content

    def test_is_what_the_page_of_a_public_chat_shows(self, world):
        def invitation() -> dict[str, Any]:
            page = people.browser_of(world.carl).get(f"/chats/{world.public.pk}")
            return dict(page.context["state"]["open"]["invitation"])

        assert "refused" not in invitation()
        world.make("removed")
        assert TO_MANAGERS in invitation()["refused"]
        found = people.browser_of(world.carl).get("/api/chats/public").json()["chats"]
        assert [chat["joined"] for chat in found] == [False]
        assert people.browser_of(world.carl).get(f"/chats/{world.group.pk}").status_code == 404


class TestListOfTheRemoved:
    def read(self, world: World, person: User, page: int = 0) -> Any:
        browser = people.browser_of(person)
        return browser.get(f"/api/chats/{world.group.pk}/removed", {"page": page})

    def test_is_paged_the_newest_first_and_says_by_whom(self, world, monkeypatch):
        monkeypatch.setattr("chat.reads.directory.PAGE_MEMBERS", 2)
        crowd = people.make_people("x", "y", "z")
        for person, by in zip(crowd, (world.ann, world.bob, world.bob), strict=True):
            come(world.group, person)
            chats.remove_member(actor=by, chat_id=world.group.pk, user_id=person.pk)
        first, second = (self.read(world, world.bob, page).json() for page in (0, 1))
        assert (first["more"], second["more"]) == (True, False)
        rows = first["removed"] + second["removed"]
        assert [row["user"]["id"] for row in rows] == [person.pk for person in reversed(crowd)]
        assert [row["removed_by"]["id"] for row in rows] == [world.bob.pk] * 2 + [world.ann.pk]
        assert all(row["removed_at"].endswith("Z") for row in rows)

    def test_is_for_those_who_manage_the_chat(self, world):
        dora = people.make_person("dora")
        come(world.group, dora)
        world.make("removed")
        statuses = [self.read(world, each).status_code for each in (dora, world.carl)]
        assert statuses == [403, 404]

    def test_holds_nobody_who_left_came_back_or_was_let_back(self, world):
        for state in (left, let_back):
            state(world.group, people.make_person("one"))
        removed(world.group, world.carl)
        come_back(world)
        assert self.read(world, world.ann).json() == {"removed": [], "more": False}

    def test_holds_no_account_that_is_gone_and_no_bot(self, world):
        from chat.services.people.account_deletion import delete_account
        from chat.webhooks.incoming import create_incoming_webhook

        world.make("removed")
        delete_account(world.carl)
        hook, _token = create_incoming_webhook(actor=world.ann, chat_id=world.group.pk, name="CI")
        people.remove(world.group, hook.bot)
        assert self.read(world, world.ann).json()["removed"] == []


def come_back(world: World) -> None:
    open_doors(world.group, world.carl)
    use_invite(user=world.carl, token=world.old_link.token)


class TestLetBack:
    def ask(self, world: World, by: User) -> int:
        path = f"/api/chats/{world.group.pk}/removed/{world.carl.pk}"
        return people.browser_of(by).delete(path).status_code

    def test_opens_the_doors_and_brings_nobody_in(self, world):
        world.make("removed")
        assert self.ask(world, world.bob) == 204
        assert not is_in(world.group, world.carl)
        (fact,) = facts("member.let_back")
        payload = orjson.loads(fact.payload)
        assert (payload["actorId"], payload["targetId"]) == (str(world.bob.pk), str(world.carl.pk))

    def test_twice_is_once_also_for_whoever_is_in_it_or_left(self, world):
        world.make("removed")
        for _ in range(2):
            assert self.ask(world, world.ann) == 204
        come_back(world)
        assert self.ask(world, world.ann) == 204
        people.leave(world.group, world.carl)
        assert self.ask(world, world.ann) == 204
        assert len(facts("member.let_back")) == 1
        # Whoever left after all that is asked, as anybody who left.
        assert ADDED["added by the owner"][0](world).json()["invited"] is True

    def test_is_for_those_who_manage_the_chat_of_whom_it_knows(self, world):
        dora = people.make_person("dora")
        come(world.group, dora)
        assert [self.ask(world, each) for each in (dora, world.carl, world.ann)] == [403, 404, 404]

    def test_is_told_to_nobody_in_the_chat_until_they_come(self, world, told):
        world.make("removed")
        assert told(lambda: open_doors(world.group, world.carl)) == []
        lines = [
            orjson.loads(event.line)
            for event in told(lambda: use_invite(user=world.carl, token=world.old_link.token))
            if event.kind == "chat"
        ]
        assert [(line["type"], line["member_count"]) for line in lines] == [("member.joined", 3)]

    def test_holds_until_the_next_removal(self, world):
        world.make("removed")
        come_back(world)
        people.remove(world.group, world.carl)
        assert world.come_by(world.old_link).status_code == 403


class TestRemovedManager:
    def test_has_no_rights_left(self, world):
        own = create_invite(actor=world.bob, chat_id=world.group.pk)
        people.remove(world.group, world.bob)
        with pytest.raises(NotFoundError):
            open_doors_by(world.bob, world.group, world.bob)
        with pytest.raises(NotFoundError):
            use_invite(user=world.carl, token=own.token)
        assert world.add(world.bob, world.group).status_code == 404

    def test_comes_back_as_a_plain_member(self, world):
        people.remove(world.group, world.bob)
        open_doors(world.group, world.bob)
        come(world.group, world.bob)
        assert people.membership(world.group, world.bob).role == "member"


def open_doors_by(actor: User, chat: Chat, person: User) -> None:
    chats.let_back(actor=actor, chat_id=chat.pk, user_id=person.pk)


class TestChatThatEveryoneHasLeft:
    def test_is_not_for_the_removed_to_take(self, world):
        world.make("removed")
        for person in (world.bob, world.ann):
            people.leave(world.public, person)
        assert DOORS["join"][0](world).status_code == 403
        dora = people.make_person("dora")
        chats.join_chat(user=dora, chat_id=world.public.pk)
        assert people.membership(world.public, dora).role == "owner"
        open_doors(world.public, world.carl)
        assert DOORS["join"][0](world).status_code == 200
        assert people.membership(world.public, world.carl).role == "member"

    def test_passes_to_nobody_who_was_removed(self, world):
        come(world.group, world.carl)
        people.remove(world.group, world.bob)
        people.leave(world.group, world.ann)
        assert people.membership(world.group, world.carl).role == "owner"
        assert people.membership(world.group, world.bob).role == "member"


class TestUnsentUpload:
    def test_of_the_removed_waits_and_is_nothing_to_them(self, world, settings, tmp_path):
        from django.core.files.uploadedfile import SimpleUploadedFile

        from chat.models import Attachment
        from chat.services.attachments import store_upload

        settings.MEDIA_ROOT = str(tmp_path)
        come(world.group, world.carl)
        file = SimpleUploadedFile("plan.txt", b"words")
        upload = store_upload(uploader=world.carl, chat_id=world.group.pk, file=file)
        people.remove(world.group, world.carl)
        assert not Attachment.objects.visible_to(world.carl).exists()
        for chat in (world.group, world.public):
            with pytest.raises(ChatError):
                people.post(chat, world.carl, attachment_ids=[upload.pk])


class TestMigration:
    """Who was removed before the table knew it: the audit log and what waits for it do."""

    migration = import_module("chat.migrations.0010_earlier_removals")

    def forget_and_find(self) -> None:
        Membership.objects.update(removed_at=None, removed_by=None, let_back_at=None)
        self.migration.mark_removed(apps, SimpleNamespace(connection=connection))

    @pytest.mark.parametrize("is_audited", [True, False])
    def test_marks_those_whose_last_stay_was_ended_by_somebody_else(self, world, is_audited):
        left(world.group, world.carl)
        gone, back, again = people.make_people("gone", "back", "again")
        removed(world.group, gone)
        removed(world.group, back)
        open_doors(world.group, back)
        come(world.group, back)
        removed(world.group, again)
        open_doors(world.group, again)
        come(world.group, again)
        people.leave(world.group, again)
        if is_audited:
            handle_waiting("audit")
        self.forget_and_find()
        assert [row.user for row in Membership.objects.removed()] == [gone]
        assert people.membership(world.group, gone).removed_by == world.ann
        assert people.membership(world.group, back).removed_at is None

    def test_finds_nobody_where_nothing_is_known(self, world):
        world.make("removed")
        OutboxEvent.objects.all().delete()
        assert not AuditEntry.objects.exists()
        self.forget_and_find()
        assert not Membership.objects.removed().exists()
        # They count as having left: nobody puts them back without asking.
        assert world.add(world.ann, world.group).json()["invited"] is True
