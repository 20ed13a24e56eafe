"""What `record_fact` puts into the outbox is what its topic's schema asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.core.cache import cache
from django.test import Client

from chat.audit.sign_ins import MAX_FACTS_A_MINUTE, record_failed_sign_in
from chat.errors import BadRequestError
from chat.events.facts import record_fact
from chat.events.topics import AUDIT_TOPIC
from chat.models import User
from chat.services.chats import chats
from chat.services.people.people import create_person
from messaging.contract.schemas import find_schema
from messaging.models import OutboxEvent
from tests.support.people import make_person


@pytest.mark.django_db
class TestRecordFact:
    def test_is_recorded_for_the_chat_and_names_who_did_it(self):
        ann = make_person("ann")
        record_fact("member.added", actor=ann, chat_id=7, target=("person", 9))
        row = OutboxEvent.objects.get(topic=AUDIT_TOPIC)
        payload = orjson.loads(row.payload)
        assert (row.key, row.event_type) == ("7", "member.added")
        assert (payload["actorId"], payload["targetId"]) == (str(ann.pk), "9")
        find_schema(AUDIT_TOPIC, 1).check(payload)

    def test_without_a_chat_keeps_the_order_of_its_target(self):
        record_fact("sign_in.failed", actor=None, target=("person", "ann"), details={"tries": 3})
        row = OutboxEvent.objects.get(topic=AUDIT_TOPIC)
        assert row.key == "person:ann"
        find_schema(AUDIT_TOPIC, 1).check(orjson.loads(row.payload))


def facts() -> list[tuple[Any, ...]]:
    """Action, who did it, chat and target of each, in order."""
    payloads = [
        orjson.loads(row.payload)
        for row in OutboxEvent.objects.filter(topic=AUDIT_TOPIC).order_by("pk")
    ]
    for payload in payloads:
        find_schema(AUDIT_TOPIC, 1).check(payload)
    return [(p["action"], p["actorId"], p["chatId"], p["targetId"]) for p in payloads]


@pytest.mark.django_db
class TestFactsOfChats:
    def test_tell_who_came_and_went_and_by_whom(self, ann: User, bob: User):
        eve = make_person("eve")
        a, b, e = str(ann.pk), str(bob.pk), str(eve.pk)
        chat = chats.create_chat(owner=ann, kind="public", title="One", members=[bob])
        chats.join_chat(user=eve, chat_id=chat.pk)
        chats.join_chat(user=eve, chat_id=chat.pk)  # has no effect, and is no fact
        chats.leave_chat(user=eve, chat_id=chat.pk)
        invitation = chats.add_member(actor=ann, chat_id=chat.pk, user_id=eve.pk)
        assert invitation is not None
        chats.accept_invitation(user=eve, invitation_id=invitation.pk)
        chats.remove_member(actor=ann, chat_id=chat.pk, user_id=eve.pk)
        for _ in range(2):
            chats.let_back(actor=ann, chat_id=chat.pk, user_id=eve.pk)
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=eve.pk)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        chats.rename_chat(actor=bob, chat_id=chat.pk, title="Two")
        chats.leave_chat(user=ann, chat_id=chat.pk)
        own = str(chat.pk)
        assert facts() == [
            ("chat.created", a, own, own),
            ("member.added", a, own, b),
            ("member.joined", e, own, e),
            ("member.left", e, own, e),
            ("member.invited", a, own, e),
            ("member.joined", e, own, e),
            ("invitation.accepted", e, own, str(invitation.pk)),
            ("member.removed", a, own, e),
            ("member.let_back", a, own, e),
            ("member.added", a, own, e),
            ("member.role_changed", a, own, b),
            ("chat.renamed", b, own, own),
            ("member.left", a, own, a),
            ("member.role_changed", a, own, b),  # it is bob's now
        ]

    def test_tell_of_a_direct_chat_once(self, ann: User, bob: User):
        for _ in range(2):
            chat = chats.open_direct_chat(user=ann, other_id=bob.pk)
        assert facts() == [("chat.created", str(ann.pk), str(chat.pk), str(chat.pk))]

    def test_are_not_there_when_the_change_is_not(self, ann: User, bob: User):
        with pytest.raises(BadRequestError):
            chats.create_chat(owner=ann, kind="secret", title="One", members=[bob])
        assert facts() == []


PASSWORD = "long-enough-9"


@pytest.mark.django_db
class TestFactsOfSigningIn:
    @pytest.fixture(autouse=True)
    def person(self) -> Iterator[User]:
        cache.clear()
        yield create_person(username="ann", password=PASSWORD)
        cache.clear()

    def tries(self) -> list[int]:
        rows = OutboxEvent.objects.filter(event_type="sign_in.failed").order_by("pk")
        return [orjson.loads(row.payload)["details"].get("tries") for row in rows]

    def test_tell_of_coming_going_and_a_new_password(self, client: Client, person: User):
        own = str(person.pk)
        client.post("/sign-in", {"username": "ann", "password": PASSWORD})
        client.post(
            "/profile/password",
            {
                "old_password": PASSWORD,
                "new_password1": "another-long-9",
                "new_password2": "another-long-9",
            },
        )
        client.post("/sign-out")
        assert facts() == [
            ("sign_in.succeeded", own, None, own),
            ("password.changed", own, None, own),
            ("sign_in.ended", own, None, own),
        ]

    def test_name_the_account_that_was_tried_and_the_address(self, client: Client, person: User):
        client.post("/sign-in", {"username": "ann", "password": "wrong"})
        client.post("/sign-in", {"username": "nobody", "password": "wrong"})
        assert facts() == [
            ("sign_in.failed", None, None, str(person.pk)),
            ("sign_in.failed", None, None, "nobody"),
        ]
        for row in OutboxEvent.objects.filter(topic=AUDIT_TOPIC):
            assert orjson.loads(row.payload)["details"]["address"] == "127.0.0.1"
            assert "wrong" not in row.payload

    def test_know_the_person_in_any_case(self, person: User):
        record_failed_sign_in(person.username.upper(), "192.0.2.1")
        assert facts() == [("sign_in.failed", None, None, str(person.pk))]

    def test_tell_of_a_thousand_tries_in_ten_facts(self, client: Client):
        for _ in range(1000):
            record_failed_sign_in("ann", "192.0.2.1")
        assert self.tries() == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

    def test_count_tries_whose_password_is_not_looked_at_any_more(self, client: Client):
        for _ in range(9):
            client.post("/sign-in", {"username": "ann", "password": "wrong"})
        assert self.tries() == [1, 2, 4, 8]

    def test_tell_of_very_many_accounts_by_their_number(self):
        for number in range(300):
            record_failed_sign_in(f"account-{number}", "192.0.2.1")
        # 60 one by one, then the 64th, the 128th and the 256th.
        assert len(self.tries()) == MAX_FACTS_A_MINUTE + 3
