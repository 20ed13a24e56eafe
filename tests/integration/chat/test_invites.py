"""Links that let people in: who makes them, for whom they work, and how they end."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from chat.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from chat.models import Chat, Invite, Membership, User
from chat.services.chats import chats
from chat.services.chats.invites import create_invite, revoke_invite, use_invite
from messaging.models import OutboxEvent
from tests.support import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_counts():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def eve(db: None) -> User:
    return people.make_person("eve")


@pytest.fixture
def invite(chat: Chat, ann: User) -> Invite:
    return create_invite(actor=ann, chat_id=chat.pk)


def is_in(chat: Chat, person: User) -> bool:
    return Membership.objects.active().filter(chat=chat, user=person).exists()


def facts(action: str) -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(event_type=action))


class TestCreateInvite:
    def test_is_for_those_who_manage_the_chat(self, chat, ann, bob, eve):
        assert create_invite(actor=ann, chat_id=chat.pk).uses == 0
        with pytest.raises(ForbiddenError):
            create_invite(actor=bob, chat_id=chat.pk)
        with pytest.raises(NotFoundError):
            create_invite(actor=eve, chat_id=chat.pk)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        assert create_invite(actor=bob, chat_id=chat.pk).chat_id == chat.pk

    def test_is_not_for_direct_chats(self, ann, bob):
        with pytest.raises(ForbiddenError):
            create_invite(actor=ann, chat_id=people.make_direct(ann, bob).pk)

    def test_gives_tokens_that_nobody_guesses(self, chat, ann):
        tokens = {create_invite(actor=ann, chat_id=chat.pk).token for _ in range(5)}
        assert [len(token) for token in tokens] == [43] * 5

    @pytest.mark.parametrize(
        "wrong", [{"seconds": 59}, {"seconds": 10**9}, {"most_uses": 0}, {"most_uses": 10**6}]
    )
    def test_has_limits(self, chat, ann, wrong):
        with pytest.raises(BadRequestError):
            create_invite(actor=ann, chat_id=chat.pk, **wrong)

    def test_stops_at_so_many_that_work(self, chat, ann, invite, settings):
        settings.LIMIT_INVITES_PER_CHAT = 1
        with pytest.raises(ConflictError, match="too many links"):
            create_invite(actor=ann, chat_id=chat.pk)
        revoke_invite(actor=ann, chat_id=chat.pk, invite_id=invite.pk)
        assert create_invite(actor=ann, chat_id=chat.pk)

    def test_is_told_to_the_audit_without_the_token(self, chat, ann):
        invite = create_invite(actor=ann, chat_id=chat.pk, seconds=3600, most_uses=1)
        [fact] = facts("invite.created")
        assert fact.key == str(chat.pk)
        assert invite.token not in str(fact.payload)


class TestUseInvite:
    def test_lets_in_and_says_so(self, chat, invite, eve):
        assert use_invite(user=eve, token=invite.token) == chat
        assert people.membership(chat, eve).role == "member"
        invite.refresh_from_db()
        assert invite.uses == 1
        assert len(facts("invite.used")) == 1

    def test_uses_nothing_up_for_those_who_are_in(self, chat, invite, bob):
        assert use_invite(user=bob, token=invite.token) == chat
        invite.refresh_from_db()
        assert invite.uses == 0
        assert facts("invite.used") == []

    def test_lets_nobody_in_twice(self, chat, ann, eve):
        once = create_invite(actor=ann, chat_id=chat.pk, most_uses=1)
        use_invite(user=eve, token=once.token)
        with pytest.raises(NotFoundError):
            use_invite(user=people.make_person("late"), token=once.token)

    @pytest.mark.parametrize(
        "end",
        [
            {"expires_at": timezone.now() - timedelta(seconds=1)},
            {"revoked_at": timezone.now()},
            {"most_uses": 3, "uses": 3},
        ],
    )
    def test_is_over_when_the_link_is(self, chat, invite, eve, end):
        Invite.objects.filter(pk=invite.pk).update(**end)
        with pytest.raises(NotFoundError):
            use_invite(user=eve, token=invite.token)
        assert not is_in(chat, eve)

    def test_is_over_when_its_maker_manages_the_chat_no_longer(self, chat, ann, bob, eve):
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        invite = create_invite(actor=bob, chat_id=chat.pk)
        people.remove(chat, bob)
        for person in (bob, eve):
            with pytest.raises(NotFoundError):
                use_invite(user=person, token=invite.token)

    def test_is_not_for_the_banned(self, chat, invite, eve):
        people.ban(eve)
        with pytest.raises(NotFoundError):
            use_invite(user=eve, token=invite.token)

    def test_does_not_overfill_a_group(self, invite, eve, settings):
        settings.LIMIT_MEMBERS_PER_GROUP = 2
        with pytest.raises(ConflictError, match="full"):
            use_invite(user=eve, token=invite.token)
        invite.refresh_from_db()
        assert invite.uses == 0


@pytest.mark.django_db(transaction=True)
class TestLastUse:
    def test_is_one_persons_when_many_come_at_once(self, chat, ann):
        once = create_invite(actor=ann, chat_id=chat.pk, most_uses=1)
        crowd = people.make_people("a", "b", "c", "d", "e")
        gate = threading.Barrier(len(crowd))
        came: list[User] = []

        def come(person: User) -> None:
            gate.wait()
            try:
                use_invite(user=person, token=once.token)
                came.append(person)
            except NotFoundError:
                pass
            finally:
                connection.close()

        threads = [threading.Thread(target=come, args=[person]) for person in crowd]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(came) == 1
        assert [person for person in crowd if is_in(chat, person)] == came


class TestRevokeInvite:
    def test_is_for_those_who_manage_the_chat(self, chat, bob, invite):
        with pytest.raises(ForbiddenError):
            revoke_invite(actor=bob, chat_id=chat.pk, invite_id=invite.pk)

    def test_of_another_chat_is_not_found(self, bob, invite):
        own = people.make_group(bob)
        with pytest.raises(NotFoundError):
            revoke_invite(actor=bob, chat_id=own.pk, invite_id=invite.pk)

    def test_done_twice_is_done_once(self, chat, ann, invite):
        for _ in range(2):
            revoke_invite(actor=ann, chat_id=chat.pk, invite_id=invite.pk)
        assert len(facts("invite.revoked")) == 1


class TestRoutes:
    def test_make_list_and_take_back(self, chat, ann):
        browser = people.browser_of(ann)
        path = f"/api/chats/{chat.pk}/invites"
        fields = {"seconds": 3600, "most_uses": 10}
        made = browser.post(path, fields, content_type="application/json").json()["invite"]
        assert made["path"].startswith("/join/")
        assert (made["most_uses"], made["uses"]) == (10, 0)
        assert made["created_by"] == {"id": ann.pk, "name": ann.name, "username": ann.username}
        assert browser.get(path).json()["invites"] == [made]
        assert browser.delete(f"{path}/{made['id']}").status_code == 204
        assert browser.get(path).json()["invites"] == []


class TestPage:
    def test_says_into_what_and_by_whom_also_to_those_who_are_not_signed_in(
        self, chat, invite, ann
    ):
        answer = people.browser_of(None).get(f"/join/{invite.token}")
        text = answer.content.decode()
        assert answer.status_code == 200
        assert chat.title in text
        assert ann.name in text
        assert "It has 2 members." in text
        assert f"/sign-up?next=/join/{invite.token}" in text

    def test_is_for_nobody_elses_eyes(self, invite):
        answer = people.browser_of(None).get(f"/join/{invite.token}")
        # The address is the way in: it is told to no other site.
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert "no-store" in answer["Cache-Control"]

    def test_joins_nothing_when_it_is_only_looked_at(self, chat, invite, eve):
        browser = people.browser_of(eve)
        assert b"Join" in browser.get(f"/join/{invite.token}").content
        browser.head(f"/join/{invite.token}")
        assert not is_in(chat, eve)
        invite.refresh_from_db()
        assert invite.uses == 0

    def test_joins_by_its_button(self, chat, invite, eve):
        answer = people.browser_of(eve).post(f"/join/{invite.token}")
        assert (answer.status_code, answer["Location"]) == (302, f"/chats/{chat.pk}")
        assert is_in(chat, eve)

    def test_joins_nothing_without_the_page_s_token(self, chat, invite, eve):
        browser = people.browser_of(eve, enforce_csrf_checks=True)
        assert browser.post(f"/join/{invite.token}").status_code == 403
        assert not is_in(chat, eve)

    def test_asks_who_is_not_signed_in_to_sign_in(self, invite):
        answer = people.browser_of(None).post(f"/join/{invite.token}")
        assert answer["Location"] == f"/sign-in?next=/join/{invite.token}"

    def test_leads_members_straight_to_the_chat_also_by_an_old_link(self, chat, ann, invite, bob):
        revoke_invite(actor=ann, chat_id=chat.pk, invite_id=invite.pk)
        answer = people.browser_of(bob).get(f"/join/{invite.token}")
        assert answer["Location"] == f"/chats/{chat.pk}"

    @pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 2000, "%00", "a%0Ab", "é"])
    def test_of_no_link_says_what_to_do(self, eve, token):
        for browser in (people.browser_of(None), people.browser_of(eve)):
            answer = browser.get(f"/join/{token}")
            assert answer.status_code == 404
            assert b"This link does not work" in answer.content
            assert b"Ask the person who sent it" in answer.content

    def test_of_a_full_group_says_so(self, invite, eve, settings):
        settings.LIMIT_MEMBERS_PER_GROUP = 2
        answer = people.browser_of(eve).post(f"/join/{invite.token}")
        assert answer.status_code == 409
        assert b"This group is full." in answer.content

    def test_is_not_shown_to_an_address_that_tried_many_wrong_links(self, invite, settings):
        settings.LIMIT_WRONG_INVITES_PER_5_MINUTES = 3
        browser = people.browser_of(None)
        statuses = [browser.get(f"/join/{number}").status_code for number in range(4)]
        assert statuses == [404, 404, 404, 429]
        assert browser.get(f"/join/{invite.token}").status_code == 429
        elsewhere = browser.get(f"/join/{invite.token}", REMOTE_ADDR="10.0.0.9")
        assert elsewhere.status_code == 200


class TestHandOver:
    def test_makes_the_other_the_owner_and_oneself_an_admin(self, chat, ann, bob):
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="owner")
        assert people.membership(chat, bob).role == "owner"
        assert people.membership(chat, ann).role == "admin"

    def test_is_for_the_owner_and_not_for_oneself(self, chat, ann, bob, eve):
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=eve.pk)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        for actor, other in ((bob, eve), (bob, bob), (ann, ann)):
            with pytest.raises(ForbiddenError):
                chats.set_role(actor=actor, chat_id=chat.pk, user_id=other.pk, role="owner")

    def test_is_not_to_the_banned(self, chat, ann, bob):
        people.ban(bob)
        with pytest.raises(ForbiddenError):
            chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="owner")
