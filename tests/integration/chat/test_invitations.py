"""Whoever left a chat by themselves is asked back: what they are told, what they may answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.core.cache import cache
from django.utils import timezone

from chat.errors import ChatError, ConflictError, NotFoundError
from chat.models import Chat, Invitation, Notification, User
from chat.reads.notifications import notifications_page, unseen_notifications
from chat.services.chats import chats
from chat.services.chats.invitations import LASTS, decline_invitation
from chat.services.chats.invites import create_invite, use_invite
from chat.services.people.account_deletion import delete_account
from messaging.models import OutboxEvent
from tests.support import people
from tests.support.bus_parts import handle_waiting

pytestmark = [pytest.mark.django_db, pytest.mark.long(on="services")]


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def chat(ann: User, bob: User) -> Chat:
    """Ann's group, which bob has left; dora is an admin of it."""
    dora = people.make_person("dora")
    made = people.make_group(ann, bob, dora)
    chats.set_role(actor=ann, chat_id=made.pk, user_id=dora.pk, role="admin")
    people.post(made, ann, "secret words")
    people.leave(made, bob)
    deliver()
    return made


@pytest.fixture
def dora(chat: Chat) -> User:
    return User.objects.get(memberships__chat=chat, memberships__role="admin")


@pytest.fixture
def invitation(chat: Chat, ann: User, bob: User) -> Invitation:
    return invite(chat, ann, bob)


def invite(chat: Chat, by: User, person: User) -> Invitation:
    invitation = chats.add_member(actor=by, chat_id=chat.pk, user_id=person.pk)
    assert invitation is not None
    return invitation


def accept(person: User, invitation: Invitation) -> Chat:
    return chats.accept_invitation(user=person, invitation_id=invitation.pk)


def decline(person: User, invitation: Invitation) -> None:
    decline_invitation(user=person, invitation_id=invitation.pk)


def ask(person: User, path: str, **fields: Any) -> Any:
    browser = people.browser_of(person)
    return browser.post(f"/api/{path}", fields, content_type="application/json")


def deliver() -> None:
    handle_waiting("notifications")


def shown_to(person: User) -> list[dict[str, Any]]:
    """Invitations among what they are shown; what waits and what the list has are the same."""
    pages = (unseen_notifications(person)["newest"], notifications_page(person)["notifications"])
    waiting, listed = ([one for one in page if "invitation" in one] for page in pages)
    assert waiting == listed
    return waiting


def is_in(chat: Chat, person: User) -> bool:
    return chat.memberships.active().filter(user=person).exists()


def facts(action: str) -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(event_type=action))


class TestInvite:
    def test_is_what_adding_somebody_who_left_comes_to(self, chat, ann, bob):
        path = f"chats/{chat.pk}/members"
        answer = ask(ann, path, user_id=bob.pk).json()
        assert (answer["invited"], answer["chat"]["member_count"]) == (True, 2)
        assert answer["expires_at"].endswith("Z")
        assert not is_in(chat, bob)
        assert len(facts("member.added")) == 2  # when the chat was made
        eve = people.make_person("eve")
        answer = ask(ann, path, user_id=eve.pk).json()
        assert (answer["invited"], "expires_at" in answer) == (False, False)
        assert is_in(chat, eve)

    def test_tells_the_person_alone_and_of_the_title_alone(self, chat, ann, bob, dora, invitation):
        deliver()
        (shown,) = shown_to(bob)
        assert (shown["kind"], shown["chat_id"], shown["message"]) == ("invite", chat.pk, None)
        assert shown["actor"] == {"id": ann.pk, "name": ann.name, "username": ann.username}
        expires = shown["invitation"].pop("expires_at")
        assert expires.endswith("Z")
        assert shown["invitation"] == {"id": invitation.pk, "title": chat.title}
        assert [shown_to(ann), shown_to(dora)] == [[], []]
        browser = people.browser_of(bob)
        for path in ("", "/members", "/messages", "/changes?after=0"):
            assert browser.get(f"/api/chats/{chat.pk}{path}").status_code == 404
        assert b"secret" not in browser.get("/api/notifications").content
        assert browser.get("/api/search?q=secret").json()["results"] == []

    def test_twice_is_once(self, chat, ann, bob, dora, invitation):
        again = invite(chat, dora, bob)
        assert (again.pk, again.created_by) == (invitation.pk, ann)
        deliver()
        assert len(shown_to(bob)) == 1
        assert len(facts("member.invited")) == 1

    def test_again_takes_the_place_of_one_that_ran_out(self, chat, ann, bob, dora, invitation):
        deliver()
        Invitation.objects.update(expires_at=timezone.now())
        assert shown_to(bob) == []
        again = invite(chat, dora, bob)
        deliver()
        (shown,) = shown_to(bob)
        assert shown["actor"]["id"] == dora.pk
        assert Notification.objects.filter(invitation=again).count() == 1
        assert Invitation.objects.count() == 1
        accept(bob, again)
        assert is_in(chat, bob)

    def test_is_told_by_no_event_that_comes_late(self, chat, bob, invitation):
        accept(bob, invitation)
        deliver()
        assert shown_to(bob) == []


class TestAccept:
    def test_brings_back_as_a_plain_member_and_says_so(self, chat, bob, invitation):
        answer = ask(bob, f"invitations/{invitation.pk}/accept")
        assert (answer.status_code, answer.json()["chat"]["id"]) == (200, chat.pk)
        assert people.membership(chat, bob).role == "member"
        assert len(facts("invitation.accepted")) == 1

    def test_twice_is_once(self, chat, bob, invitation):
        for _ in range(2):
            assert accept(bob, invitation) == chat
        assert len(facts("invitation.accepted")) == 1

    def test_takes_what_was_told_away_on_all_devices(self, bob, invitation, told):
        deliver()
        (row,) = Notification.objects.filter(invitation=invitation)
        lines = [orjson.loads(e.line) for e in told(lambda: accept(bob, invitation)) if e.line]
        assert {"type": "notification", "gone": [row.pk]} in lines
        assert shown_to(bob) == []

    def test_of_a_full_group_waits_for_room(self, chat, bob, invitation, settings):
        settings.LIMIT_MEMBERS_PER_GROUP = 2
        with pytest.raises(ConflictError, match="full"):
            accept(bob, invitation)
        settings.LIMIT_MEMBERS_PER_GROUP = 3
        accept(bob, invitation)

    def test_of_somebody_else_s_is_not_found(self, chat, ann, dora, invitation):
        eve = people.make_person("eve")
        for person in (ann, dora, eve):
            for answer in (accept, decline):
                with pytest.raises(NotFoundError):
                    answer(person, invitation)


class TestDecline:
    def test_leaves_things_as_they_are_and_asks_no_more(self, chat, ann, bob, invitation):
        deliver()
        for _ in range(2):
            answer = ask(bob, f"invitations/{invitation.pk}/decline")
            assert answer.status_code == 204
        assert (is_in(chat, bob), shown_to(bob)) == (False, [])
        assert len(facts("invitation.declined")) == 1
        with pytest.raises(ConflictError, match="declined recently"):
            invite(chat, ann, bob)
        with pytest.raises(ConflictError, match="no longer open"):
            accept(bob, invitation)

    def test_holds_for_as_long_as_the_invitation_would_have(self, chat, ann, bob, invitation):
        decline(bob, invitation)
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        again = invite(chat, ann, bob)
        assert again.expires_at - again.created_at == LASTS
        deliver()
        assert len(shown_to(bob)) == 1
        accept(bob, again)
        assert is_in(chat, bob)

    def test_keeps_no_other_door_shut(self, chat, ann, bob, invitation):
        decline(bob, invitation)
        use_invite(user=bob, token=create_invite(actor=ann, chat_id=chat.pk).token)
        assert is_in(chat, bob)


def demote(chat: Chat, maker: User) -> None:
    owner = User.objects.get(memberships__chat=chat, memberships__role="owner")
    chats.set_role(actor=owner, chat_id=chat.pk, user_id=maker.pk, role="member")


def ban(chat: Chat, maker: User) -> None:
    people.ban(maker)


def delete(chat: Chat, maker: User) -> None:
    delete_account(maker)


def run_out(chat: Chat, maker: User) -> None:
    Invitation.objects.update(expires_at=timezone.now())


class TestInvitationIsOpenNoLonger:
    @pytest.mark.parametrize("end", [demote, people.remove, people.leave, ban, delete, run_out])
    def test_when_it_ran_out_or_its_maker_manages_the_chat_no_longer(
        self, chat, ann, bob, dora, end
    ):
        invitation = invite(chat, dora, bob)
        deliver()
        assert len(shown_to(bob)) == 1
        end(chat, dora)
        assert shown_to(bob) == []
        for answer in (accept, decline):
            with pytest.raises(ConflictError, match="no longer open"):
                answer(bob, invitation)
        assert not is_in(chat, bob)
        # Another one asks again.
        accept(bob, invite(chat, ann, bob))

    def test_when_the_person_came_by_another_road(self, chat, ann, bob, invitation):
        deliver()
        use_invite(user=bob, token=create_invite(actor=ann, chat_id=chat.pk).token)
        assert shown_to(bob) == []
        people.leave(chat, bob)
        with pytest.raises(ConflictError, match="no longer open"):
            accept(bob, invitation)

    def test_when_the_person_was_removed_after_accepting(self, chat, bob, invitation):
        accept(bob, invitation)
        people.remove(chat, bob)
        with pytest.raises(ChatError):
            accept(bob, invitation)
        assert not is_in(chat, bob)

    def test_while_the_person_is_banned(self, chat, bob, invitation):
        people.ban(bob)
        with pytest.raises(NotFoundError):
            accept(bob, invitation)
        deliver()
        assert shown_to(bob) == []

    def test_when_the_person_s_account_is_gone(self, bob, invitation):
        deliver()
        delete_account(bob)
        assert not Invitation.objects.exists()
        assert not Notification.objects.filter(user=bob).exists()


class TestLeaving:
    def test_leaves_invitations_to_others_with_those_who_stay(self, chat, ann, bob, dora):
        """Of the one who left, too: they work again only if they manage the chat again."""
        invitation = invite(chat, dora, bob)
        people.leave(chat, dora)
        own = invite(chat, ann, dora)
        accept(dora, own)
        with pytest.raises(ConflictError):
            accept(bob, invitation)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=dora.pk, role="admin")
        assert accept(bob, invitation) == chat

    def test_is_not_to_be_put_back_by_being_asked_often(self, chat, ann, bob):
        for _ in range(3):
            invite(chat, ann, bob)
        assert not is_in(chat, bob)
