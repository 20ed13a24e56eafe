"""What is read however many people, chats and events there are: on PostgreSQL, by its plans."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from django.utils import timezone

from chat.models import Chat, Membership, User
from chat.reads.directory import find_mentionable, find_public_chats, list_members
from chat.reads.message_receipts import receipts_payload
from chat.upkeep.pruning import KINDS
from messaging.models import HandledEvent, OutboxEvent
from tests.support.people import make_group, make_person, post_text
from tests.support.plans import learn, plans_of

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


@pytest.fixture
def ann() -> User:
    return make_person("ann")


def crowd(count: int) -> list[User]:
    return User.objects.bulk_create(
        User(username=f"somebody{number}", password="!") for number in range(count)
    )


class TestAChatOfManyAmongMorePeople:
    """Its own members are looked up, and nobody else is read."""

    @pytest.fixture
    def chat(self, ann: User) -> Chat:
        people = crowd(6000)
        chat = make_group(ann)
        Membership.objects.bulk_create(Membership(chat=chat, user=each) for each in people[::20])
        learn("chat_user", "chat_membership")
        return chat

    def others_read(self, action: Callable[[], object]) -> list[str]:
        plans = plans_of(action, "chat_membership")
        assert plans
        by_name = "using chat_user_username_key on chat_user"
        return [plan for plan in plans if "Seq Scan on chat_user" in plan or by_name in plan]

    def test_for_receipts_of_a_message(self, ann: User, chat: Chat) -> None:
        message = post_text(chat, ann)
        assert self.others_read(lambda: receipts_payload(message, ann, 0)) == []

    def test_for_the_list_of_members(self, chat: Chat) -> None:
        assert self.others_read(lambda: list_members(chat.pk, "", 0)) == []

    def test_for_those_who_can_be_mentioned(self, ann: User, chat: Chat) -> None:
        assert self.others_read(lambda: find_mentionable(ann, chat.pk, "some")) == []


class TestFindingPublicChats:
    @pytest.fixture
    def chats(self, ann: User) -> None:
        Chat.objects.bulk_create(
            Chat(
                kind="public" if number % 3 else "group",
                title=f"Room {number:04}",
                created_by=ann,
                member_count=number,
            )
            for number in range(3000)
        )
        learn("chat_chat")

    def test_counts_nobody(self, ann: User, chats: None) -> None:
        [plan] = plans_of(lambda: find_public_chats(ann, "room", 0), "chat_chat")
        assert "chat_public_by_members" in plan
        assert "Sort" not in plan
        assert "Aggregate" not in plan

    def test_by_a_rare_title_reads_no_others(self, ann: User, chats: None) -> None:
        [plan] = plans_of(lambda: find_public_chats(ann, "room 1235", 0), "chat_chat")
        assert "chat_title_letters" in plan


class TestPruningHandledEvents:
    def test_compares_none_with_all_events_that_wait(self, settings: Any) -> None:
        """What PostgreSQL knows is from when nothing waited."""
        learn("messaging_outboxevent")
        old = timezone.now() - timedelta(days=settings.KEPT_DAYS["handled_events"] + 1)
        rows = OutboxEvent.objects.bulk_create(
            OutboxEvent(topic="t", key="1", event_type="a.b", payload="{}", created_at=old)
            for _ in range(3000)
        )
        HandledEvent.objects.bulk_create(
            HandledEvent(event_id=row.event_id, group="g", handler="h", topic="t", handled_at=old)
            for row in rows[::2]
        )
        learn("messaging_receipt")
        OutboxEvent.objects.filter(pk__in=[row.pk for row in rows[::4]]).update(status=1)
        [kind] = [kind for kind in KINDS if kind.name == "handled_events"]
        plans = plans_of(lambda: list(islice(kind.prune(timezone.now()), 1)), "outboxevent")
        assert len(plans) >= 2
        assert [plan for plan in plans if "Join Filter" in plan] == []
        assert HandledEvent.objects.count() == 750
