"""Delivered and read cursors: cumulative, only forward, never beyond what there is."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.events.hub_commands import HubCommand, shard_of
from chat.models import Membership
from chat.reads.summaries import chat_summary
from chat.services.cursors.published import mark_published
from chat.services.cursors.receipts import Cursors, advance_cursors
from chat.signals import cursors_moved
from chat.wire.payloads import timestamp
from messaging.contract.schemas import find_schema
from messaging.models import OutboxEvent
from tests.support.people import (
    make_group,
    make_people,
    make_person,
    membership,
    new_post,
    post,
    remove,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(ann, bob):
    """With ten messages."""
    from chat.services.posting.posting import post_messages

    chat = make_group(ann, bob)
    post_messages([new_post(chat, ann) for _ in range(10)])
    return chat


def advance(chat, person, **cursors: int) -> None:
    advance_cursors({(chat.pk, person.pk): Cursors(**cursors)})


def cursors_of(chat, person) -> tuple[int, int]:
    found = membership(chat, person)
    return found.delivered_seq, found.read_seq


def keep_to_oneself(person) -> None:
    person.shares_reading = False
    person.save(update_fields=["shares_reading"])


def lines(events: list[HubCommand]) -> list[tuple[str, dict[str, int]]]:
    """Who is told what, without what is the same in all."""
    told = [(event.kind, json.loads(event.line)) for event in events]
    return [(kind, {n: v for n, v in line.items() if n.endswith("_seq")}) for kind, line in told]


def statuses() -> list[tuple[str, str | None, int]]:
    """What went to message-delivery-status, each as its contract says."""
    found = []
    for event in OutboxEvent.objects.filter(topic="message-delivery-status").order_by("id"):
        payload = json.loads(event.payload)
        schema = find_schema("message-delivery-status", 1)
        schema.check(payload)
        assert event.event_type == schema.event_type(payload)
        assert event.key == payload["chatId"]
        found.append((payload["status"], payload["userId"], payload["seq"]))
    return found


class TestCursors:
    def test_move_forward(self, chat, bob):
        advance(chat, bob, delivered_seq=3)
        assert cursors_of(chat, bob) == (3, 0)
        advance(chat, bob, delivered_seq=5, read_seq=4)
        assert cursors_of(chat, bob) == (5, 4)

    def test_never_move_back(self, chat, bob):
        advance(chat, bob, delivered_seq=7, read_seq=6)
        for delivered, read in ((1, 1), (0, 0), (6, 5)):
            advance(chat, bob, delivered_seq=delivered, read_seq=read)
        assert cursors_of(chat, bob) == (7, 6)

    def test_move_each_for_itself_when_they_come_mixed_up(self, chat, bob):
        advance(chat, bob, delivered_seq=8)
        advance(chat, bob, read_seq=3)
        assert cursors_of(chat, bob) == (8, 3)
        advance(chat, bob, delivered_seq=2, read_seq=5)
        assert cursors_of(chat, bob) == (8, 5)

    def test_of_what_is_read_was_delivered(self, chat, bob):
        advance(chat, bob, read_seq=6)
        assert cursors_of(chat, bob) == (6, 6)

    def test_stop_at_the_last_message(self, chat, bob):
        advance(chat, bob, delivered_seq=2**63 - 1, read_seq=99)
        assert cursors_of(chat, bob) == (10, 10)

    def test_are_ones_own(self, chat, ann, bob):
        advance(chat, bob, read_seq=6)
        assert cursors_of(chat, ann) == (0, 0)

    def test_of_someone_who_is_not_in_it_change_nothing(self, chat, bob):
        eve = make_person("eve")
        remove(chat, bob)
        advance_cursors(
            {
                (chat.pk, eve.pk): Cursors(5, 5),
                (chat.pk, bob.pk): Cursors(5, 5),
                (10**12, bob.pk): Cursors(5, 5),
            }
        )
        assert cursors_of(chat, bob) == (0, 0)

    def test_of_many_are_written_together(self, chat, ann, bob):
        other = make_group(bob)
        post(other, bob)
        advance_cursors(
            {
                (chat.pk, ann.pk): Cursors(4, 2),
                (chat.pk, bob.pk): Cursors(4, 2),
                (other.pk, bob.pk): Cursors(1, 1),
            }
        )
        assert cursors_of(chat, ann) == cursors_of(chat, bob) == (4, 2)
        assert cursors_of(other, bob) == (1, 1)

    def test_of_many_take_as_few_statements_as_of_one(self, chat, ann, bob):
        def count(receipts) -> int:
            with CaptureQueriesContext(connection) as queries:
                advance_cursors(receipts)
            return len(queries)

        crowd = make_people(*["member"] * 40)
        Membership.objects.bulk_create(Membership(chat=chat, user=who) for who in crowd)
        alone = count({(chat.pk, bob.pk): Cursors(3, 2)})
        assert count({(chat.pk, who.pk): Cursors(4, n % 5) for n, who in enumerate(crowd)}) <= alone
        assert cursors_of(chat, crowd[8]) == (4, 3)

    def test_that_do_not_move_take_one(self, chat, bob):
        advance(chat, bob, read_seq=10)
        with CaptureQueriesContext(connection) as queries:
            advance(chat, bob, read_seq=10)
        assert len([q for q in queries if "SAVEPOINT" not in q["sql"]]) == 1

    def test_of_nobody_take_none(self):
        with CaptureQueriesContext(connection) as queries:
            advance_cursors({})
        assert not [q for q in queries if "SAVEPOINT" not in q["sql"]]

    def test_that_moved_are_announced_inside_the_product(self, chat, bob):
        heard = []

        def hear(moved, **kwargs):
            heard.extend(moved)

        cursors_moved.connect(hear)
        try:
            advance(chat, bob, delivered_seq=5, read_seq=3)
            advance(chat, bob, delivered_seq=5)
        finally:
            cursors_moved.disconnect(hear)
        (moved,) = heard
        assert (moved.chat_id, moved.user_id) == (chat.pk, bob.pk)
        assert (moved.delivered_seq, moved.read_seq) == (5, 3)
        assert (moved.has_received, moved.has_read) == (True, True)

    def test_joined_are_the_furthest_of_both(self):
        assert Cursors(5, 1).joined(Cursors(3, 2)) == Cursors(5, 2)


class TestWhatIsTold:
    def test_in_a_small_chat_is_told_to_everyone(self, chat, bob, told):
        (event,) = told(lambda: advance(chat, bob, delivered_seq=4))
        assert (event.kind, event.chat_id) == ("chat", chat.pk)
        assert '"delivered_seq":4' in event.line
        assert "read_seq" not in event.line
        assert f'"user_id":{bob.pk}' in event.line

    def test_of_reading_is_told_to_those_who_share_theirs(self, chat, bob, told):
        (event,) = told(lambda: advance(chat, bob, read_seq=4))
        assert (event.kind, event.chat_id) == ("reading", chat.pk)
        assert f'"user_id":{bob.pk}' in event.line
        assert lines([event]) == [("reading", {"delivered_seq": 4, "read_seq": 4})]

    def test_of_reading_is_delivery_to_those_who_do_not(self, chat, ann, bob, told):
        keep_to_oneself(ann)
        assert lines(told(lambda: advance(chat, bob, read_seq=4))) == [
            ("reading", {"delivered_seq": 4, "read_seq": 4}),
            ("delivery", {"delivered_seq": 4}),
        ]
        # It had arrived before: to them there is nothing new.
        advance(chat, bob, delivered_seq=9)
        assert lines(told(lambda: advance(chat, bob, read_seq=6))) == [
            ("reading", {"delivered_seq": 9, "read_seq": 6})
        ]

    def test_of_ones_own_reading_that_is_not_shared_is_told_to_oneself(self, chat, bob, told):
        keep_to_oneself(bob)
        assert lines(told(lambda: advance(chat, bob, read_seq=4))) == [
            ("person", {"delivered_seq": 4, "read_seq": 4}),
            ("chat", {"delivered_seq": 4}),
        ]
        advance(chat, bob, delivered_seq=9)
        (event,) = told(lambda: advance(chat, bob, read_seq=8))
        assert (event.kind, event.user_id) == ("person", bob.pk)
        # Wherever the person is, the chat is too.
        assert event.shard == shard_of(chat.pk)

    def test_in_a_large_chat_is_told_to_ones_own_browsers(self, chat, bob, told, monkeypatch):
        monkeypatch.setattr("chat.services.cursors.receipts.SMALL_CHAT_MEMBERS", 1)
        (event,) = told(lambda: advance(chat, bob, read_seq=4))
        assert (event.kind, event.user_id) == ("person", bob.pk)

    def test_when_nothing_moved_is_nothing(self, chat, bob, told):
        advance(chat, bob, read_seq=4)
        assert told(lambda: advance(chat, bob, read_seq=4)) == []
        assert told(lambda: advance(chat, bob, read_seq=3)) == []

    def test_of_a_hundred_members_is_told_and_of_more_is_not(self, ann, told):
        from chat.reads.summaries import SMALL_CHAT_MEMBERS

        assert SMALL_CHAT_MEMBERS == 100
        crowd = make_people(*["member"] * 100)
        chat = make_group(ann)
        post(chat, ann)
        Membership.objects.bulk_create(Membership(chat=chat, user=who) for who in crowd[:99])
        assert told(lambda: advance(chat, crowd[0], read_seq=1))[0].kind == "reading"
        Membership.objects.create(chat=chat, user=crowd[99])
        assert told(lambda: advance(chat, crowd[1], read_seq=1))[0].kind == "person"


class TestOnTheTopic:
    def test_are_one_event_for_each_that_moved(self, chat, ann, bob):
        other = make_group(bob)
        post(other, bob)
        advance_cursors(
            {
                (chat.pk, ann.pk): Cursors(4, 2),
                (chat.pk, bob.pk): Cursors(5, 5),
                (other.pk, bob.pk): Cursors(1, 0),
            }
        )
        assert sorted(statuses()) == sorted(
            [
                ("delivered", str(ann.pk), 4),
                ("read", str(ann.pk), 2),
                ("read", str(bob.pk), 5),
                ("delivered", str(bob.pk), 1),
            ]
        )

    def test_name_the_message_up_to_which_they_hold(self, chat, bob):
        advance(chat, bob, read_seq=4)
        event = OutboxEvent.objects.get(event_type="status.read")
        message = chat.messages.get(seq=4)
        assert json.loads(event.payload)["messageId"] == str(message.pk)

    def test_of_what_did_not_move_are_none(self, chat, bob):
        advance(chat, bob, read_seq=4)
        advance(chat, bob, read_seq=4, delivered_seq=2)
        assert len(statuses()) == 1

    def test_of_who_does_not_share_their_reading_say_delivered(self, chat, bob):
        keep_to_oneself(bob)
        advance(chat, bob, read_seq=4)
        advance(chat, bob, delivered_seq=6)
        advance(chat, bob, read_seq=6)
        assert statuses() == [("delivered", str(bob.pk), 4), ("delivered", str(bob.pk), 6)]

    def test_are_none_for_what_the_topic_itself_said(self, chat, bob):
        advance_cursors({(chat.pk, bob.pk): Cursors(5, 5)}, record=False)
        assert cursors_of(chat, bob) == (5, 5)
        assert statuses() == []


class TestTheSummary:
    def test_shows_how_far_others_have_come(self, chat, ann, bob):
        advance(chat, bob, delivered_seq=6, read_seq=4)
        (cursors,) = chat_summary(ann, chat.pk)["cursors"]
        assert cursors == {
            "user_id": bob.pk,
            "joined_at": timestamp(membership(chat, bob).joined_at),
            "delivered_seq": 6,
            "read_seq": 4,
        }

    def test_does_not_show_the_reading_of_those_who_do_not_share_it(self, chat, ann, bob):
        advance(chat, bob, delivered_seq=6, read_seq=4)
        keep_to_oneself(bob)
        (cursors,) = chat_summary(ann, chat.pk)["cursors"]
        assert (cursors["delivered_seq"], "read_seq" in cursors) == (6, False)

    def test_does_not_show_others_reading_to_them(self, chat, ann, bob):
        advance(chat, ann, read_seq=4)
        keep_to_oneself(bob)
        (cursors,) = chat_summary(bob, chat.pk)["cursors"]
        assert (cursors["delivered_seq"], "read_seq" in cursors) == (4, False)

    def test_counts_their_own_unread_all_the_same(self, chat, bob):
        keep_to_oneself(bob)
        advance(chat, bob, read_seq=4)
        own = chat_summary(bob, chat.pk)
        assert (own["read_seq"], own["unread"]) == (4, 6)


class TestPublished:
    def test_moves_forward_only(self, chat, told):
        for seq, stands in ((4, 4), (2, 4), (9, 9)):
            mark_published({chat.pk: seq})
            chat.refresh_from_db()
            assert chat.published_seq == stands

    def test_is_told_to_the_chat(self, chat, told):
        (event,) = told(lambda: mark_published({chat.pk: 4}))
        assert (event.kind, event.chat_id, event.revision) == ("chat", chat.pk, 0)
        assert '"published_seq":4' in event.line

    def test_is_told_once(self, chat, told):
        mark_published({chat.pk: 4})
        assert told(lambda: mark_published({chat.pk: 4, 10**12: 3})) == []
        assert told(lambda: mark_published({chat.pk: 3})) == []

    def test_never_goes_beyond_the_last_message(self, chat, told):
        mark_published({chat.pk: 2**53})
        chat.refresh_from_db()
        assert chat.published_seq == 10
