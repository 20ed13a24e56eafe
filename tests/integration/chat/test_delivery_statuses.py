"""message-delivery-status: what is said on it is taken over, whoever says it, in any order."""

from __future__ import annotations

import json
import random
from uuid import uuid4

import pytest
from django.utils import timezone

from chat.handlers import HANDLERS
from chat.handlers.statuses import follow_statuses, tell_published
from chat.models import Chat, Membership
from chat.reads.summaries import chat_summary
from chat.services.posting.posting import post_messages
from messaging.contract.events import Event
from messaging.contract.schemas import find_schema
from messaging.handling.dispatch import handle_once
from messaging.handling.registry import MAIN_GROUP, registry
from messaging.models import OutboxEvent
from tests.support.people import (
    make_group,
    make_people,
    make_person,
    membership,
    message_events,
    new_post,
    post,
    remove,
)

pytestmark = pytest.mark.django_db
TOPIC = "message-delivery-status"


@pytest.fixture
def chat(ann, bob) -> Chat:
    """With ten messages of ann."""
    chat = make_group(ann, bob)
    post_messages([new_post(chat, ann) for _ in range(10)])
    OutboxEvent.objects.all().delete()
    return chat


def event(topic: str, payload: dict[str, object]) -> Event:
    schema = find_schema(topic, 1)
    schema.check(payload)
    return Event(
        event_id=uuid4(),
        event_type=schema.event_type(payload),
        topic=topic,
        key=str(payload["chatId"]),
        schema_version=1,
        payload=payload,
        produced_at=timezone.now(),
    )


def status(chat: object, kind: str, seq: int, *, user: object = None, **fields: object) -> Event:
    """As another system would write it."""
    payload: dict[str, object] = {
        "messageId": None,
        "chatId": str(getattr(chat, "pk", chat)),
        "userId": None if user is None else str(getattr(user, "pk", user)),
        "status": kind,
        "seq": seq,
        "timestamp": "2026-11-23T10:00:00.000Z",
        **fields,
    }
    return event(TOPIC, payload)


def created(chat: Chat, seq: int, **fields: object) -> Event:
    payload: dict[str, object] = {
        "messageId": str(chat.messages.get(seq=seq).pk),
        "chatId": str(chat.pk),
        "senderId": "1",
        "content": "Hello",
        "timestamp": "2026-11-23T10:00:00.000Z",
        "action": "created",
        "seq": seq,
        **fields,
    }
    return event("chat-messages", payload)


def recorded() -> list[tuple[str, str, int]]:
    """What went to the topic: status, chat, seq; each as its contract says."""
    found = []
    for row in OutboxEvent.objects.filter(topic=TOPIC).order_by("id"):
        payload = json.loads(row.payload)
        find_schema(TOPIC, 1).check(payload)
        found.append((payload["status"], payload["chatId"], payload["seq"]))
    return found


def cursors(chat: Chat, person) -> tuple[int, int]:
    found = membership(chat, person)
    return found.delivered_seq, found.read_seq


def published(chat: Chat) -> int:
    return Chat.objects.get(pk=chat.pk).published_seq


class TestWhatIsOnTheBus:
    def test_is_told_once_for_each_chat_and_batch(self, chat, bob):
        other = make_group(bob)
        post(other, bob)
        OutboxEvent.objects.all().delete()
        tell_published([created(chat, 1), created(other, 1), created(chat, 2), created(chat, 3)])
        assert recorded() == [("published", str(chat.pk), 3), ("published", str(other.pk), 1)]
        row = OutboxEvent.objects.get(key=str(chat.pk))
        assert json.loads(row.payload)["messageId"] == str(chat.messages.get(seq=3).pk)

    def test_is_not_told_of_edits(self, chat):
        (statuses,) = [handler for handler in HANDLERS if handler.name == "statuses"]
        statuses.handle([created(chat, 2, action="edited"), created(chat, 1)])
        assert recorded() == [("published", str(chat.pk), 1)]

    def test_may_come_from_others_without_a_place(self, chat):
        stranger = {name: created(chat, 1).payload[name] for name in ("chatId", "content")}
        stranger |= {"messageId": "m-1", "senderId": "s", "timestamp": "2026-11-23T10:00:00Z"}
        tell_published([event("chat-messages", stranger)])
        assert recorded() == []

    def test_moves_the_chat_when_it_comes_back(self, chat, told):
        tell_published([created(chat, 4)])
        came_back = json.loads(OutboxEvent.objects.get().payload)
        (line,) = told(lambda: follow_statuses([event(TOPIC, came_back)]))
        assert (line.kind, line.chat_id) == ("chat", chat.pk)
        assert '"published_seq":4' in line.line
        assert published(chat) == 4

    def test_does_not_go_round_in_circles(self, chat, bob):
        """What the topic says makes no event: neither when it is news nor when it is not."""
        said = [status(chat, "published", 4), status(chat, "read", 4, user=bob)]
        follow_statuses(said)
        follow_statuses(said)
        assert (published(chat), cursors(chat, bob)) == (4, (4, 4))
        assert recorded() == []


class TestCursors:
    def test_of_a_thousand_statuses_in_any_order_end_right(self, chat, ann, bob):
        chance = random.Random(7)
        said = [
            status(chat, chance.choice(["delivered", "read", "published"]), seq, user=who)
            for seq in range(1, 9)
            for who in (ann, bob)
            for _ in range(62)
        ]
        said += [status(chat, "delivered", 9, user=who) for who in (ann, bob)]
        said += [status(chat, "read", 8, user=who) for who in (ann, bob)] * 3
        said += [status(chat, "published", 8)]
        chance.shuffle(said)
        for start in range(0, len(said), 7):
            follow_statuses(said[start : start + 7])
        assert cursors(chat, ann) == cursors(chat, bob) == (9, 8)
        assert published(chat) == 8

    def test_are_told_when_they_move_and_only_then(self, chat, bob, told):
        read = status(chat, "read", 4, user=bob)
        (line,) = told(lambda: follow_statuses([read]))
        assert (line.kind, line.chat_id) == ("reading", chat.pk)
        assert told(lambda: follow_statuses([read, status(chat, "delivered", 2, user=bob)])) == []

    def test_stop_at_the_last_message(self, chat, bob):
        follow_statuses([status(chat, "read", 2**53 - 1, user=bob)])
        assert cursors(chat, bob) == (10, 10)

    @pytest.mark.parametrize("stranger", ["x", "0", "-1", "1.5", "9" * 30, "٣", "m-17"])
    def test_of_whom_nobody_knows_are_no_harm(self, chat, bob, stranger):
        follow_statuses(
            [
                status(stranger, "read", 4, user=bob),
                status(stranger, "published", 4),
                status(chat, "delivered", 4, user=stranger),
                status(chat, "error", 4, messageId=stranger),
                status(chat, "read", 2, user=bob),
            ]
        )
        assert cursors(chat, bob) == (2, 2)

    def test_of_who_is_not_in_the_chat_are_no_harm(self, chat, bob):
        eve = make_person("eve")
        remove(chat, bob)
        follow_statuses([status(chat, "read", 4, user=who) for who in (bob, eve)])
        assert cursors(chat, bob) == (0, 0)


class TestAnError:
    def failed(self, chat: Chat, seq: int, **fields: object) -> Event:
        message = chat.messages.get(seq=seq)
        return status(chat, "error", seq, messageId=str(message.pk), **fields)

    def test_reaches_the_sender_with_its_reason(self, chat, ann, told):
        failed = self.failed(chat, 3, detail="no such number")
        (line,) = told(lambda: follow_statuses([failed]))
        assert (line.kind, line.user_id) == ("person", ann.pk)
        assert json.loads(line.line) == {
            "type": "status",
            "chat_id": chat.pk,
            "message_id": chat.messages.get(seq=3).pk,
            "error": "no such number",
        }

    def test_may_have_no_reason_or_a_long_one(self, chat, told):
        said = [self.failed(chat, 1), self.failed(chat, 2, detail="x" * 1000)]
        errors = [json.loads(line.line)["error"] for line in told(lambda: follow_statuses(said))]
        assert sorted(map(len, errors)) == [0, 200]

    def test_does_not_reach_who_is_no_longer_in_the_chat(self, chat, bob, told):
        post(chat, bob)
        remove(chat, bob)
        assert told(lambda: follow_statuses([self.failed(chat, 11)])) == []

    def test_of_another_chats_message_is_no_harm(self, chat, ann, told):
        other = make_group(ann)
        wrong = status(other, "error", 1, messageId=str(chat.messages.get(seq=1).pk))
        assert told(lambda: follow_statuses([wrong])) == []


class TestWhatStandsAside:
    """What the relay gave up on is still said when a page is opened again."""

    def errors_of(self, person, chat) -> dict[str, str]:
        return chat_summary(person, chat.pk)["errors"]

    @pytest.fixture
    def aside(self, chat, ann, bob):
        """A message of ann's, set aside; one of bob's, too; and a row that tells of no message."""
        posted = post(chat, ann)
        post(chat, bob)
        rows = message_events()
        rows.update(status=OutboxEvent.Status.ERROR, last_error="PermanentError: " + "x" * 500)
        OutboxEvent.objects.create(
            topic=rows[0].topic, key=rows[0].key, payload="{}", status=OutboxEvent.Status.ERROR
        )
        return posted

    def test_is_told_to_who_wrote_it(self, chat, ann, aside):
        reason = ("PermanentError: " + "x" * 500)[:200]
        assert self.errors_of(ann, chat) == {str(aside.message_id): reason}

    def test_is_told_no_more_when_it_is_sent_again(self, chat, ann, aside):
        message_events().set_aside().retry(actor="a test")
        assert self.errors_of(ann, chat) == {}


class TestOncePerEvent:
    def test_however_often_it_is_delivered(self, chat, bob):
        """As the consumer calls the handlers: with receipts."""
        known = registry.handlers("chat-messages", MAIN_GROUP)
        handlers = [handler for handler in known if handler.name == "statuses"]
        events = [created(chat, seq) for seq in (1, 2, 3)]
        for _ in range(3):
            handle_once(events, handlers, group=MAIN_GROUP)
        assert recorded() == [("published", str(chat.pk), 3)]


def test_a_large_chat_takes_as_few_statements_as_a_small_one(ann, django_assert_max_num_queries):
    crowd = make_people(*["member"] * 120)
    chat = make_group(ann)
    Membership.objects.bulk_create(Membership(chat=chat, user=person) for person in crowd)
    post_messages([new_post(chat, ann) for _ in range(5)])
    said = [status(chat, "read", 5, user=who) for who in crowd]
    with django_assert_max_num_queries(12):
        follow_statuses(said)
    assert {cursors(chat, who) for who in crowd} == {(5, 5)}
