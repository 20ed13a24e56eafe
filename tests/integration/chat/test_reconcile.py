"""Damage that is done by hand is found, named and, where it can be, repaired: once and for all."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from chat.models import ActivityCount, Chat, Membership, Message, User
from chat.services.cursors.receipts import Cursors, advance_cursors
from chat.services.messages import delete_message, edit_message, set_reaction
from chat.services.people.moderation import hide_message, restore_message
from chat.upkeep.reconciling.checks import CHECKS
from chat.upkeep.reconciling.damage import KINDS
from chat.upkeep.reconciling.repairing import REPAIRS
from chat.upkeep.reconciling.snapshot import Scope, index_outbox, snapshot
from chat.upkeep.reconciling.topic_check import check_lost, check_strangers, index_topics
from messaging.bus.memory_adapter import InMemoryAdapter
from messaging.contract.records import OutgoingRecord
from messaging.contract.validation import encode
from messaging.handling.registry import MAIN_GROUP, registry
from messaging.models import DeadLetter, HandledEvent, LostRecords, OutboxEvent
from tests.support.bus_line import Line
from tests.support.bus_parts import message_event
from tests.support.people import (
    make_group,
    make_people,
    make_person,
    message_events,
    post,
    post_text,
)
from tests.support.replaying import replay, replayable

pytestmark = pytest.mark.django_db(transaction=True)

Reconcile = Callable[..., tuple[int, list[str], list[dict[str, Any]]]]


@pytest.fixture
def reconcile(capsys: pytest.CaptureFixture[str]) -> Reconcile:
    """Exit code, the codes of what was found, and everything that was said."""

    def run(*arguments: str) -> tuple[int, list[str], list[dict[str, Any]]]:
        capsys.readouterr()
        code = 0
        try:
            call_command("reconcile", "--json", "--grace-seconds", "0.001", *arguments)
        except SystemExit as end:
            code = int(str(end.code))
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, [line["code"] for line in lines if "code" in line], lines

    return run


@pytest.fixture
def line() -> Iterator[Line]:
    adapter = InMemoryAdapter()
    yield Line(adapter, replayable())
    adapter.close(timeout_seconds=1)


@pytest.fixture
def ann() -> User:
    (ann,) = make_people("ann")
    return ann


@pytest.fixture
def chat(line: Line, ann: User) -> Chat:
    """Ten messages of all fates, a reaction, cursors; all of it handled."""
    chat = make_group(ann)
    messages = [post_text(chat, ann, f"message {number}") for number in range(10)]
    edit_message(actor=ann, message_id=messages[2].pk, content="better")
    delete_message(actor=ann, message_id=messages[4].pk)
    set_reaction(actor=ann, message_id=messages[2].pk, emoji="👍", on=True)
    advance_cursors({(chat.pk, ann.pk): Cursors(10, 9)})
    line.work_off()
    return chat


def remove_message(seq: int) -> None:
    message = Message.objects.get(seq=seq)
    for table in ("chat_messageedit", "chat_reaction", "chat_notification"):
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table} WHERE message_id = %s", [message.pk])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM chat_message WHERE id = %s", [message.pk])


class TestNothingDamaged:
    def test_is_said_with_exit_code_0(self, chat: Chat, reconcile: Reconcile) -> None:
        assert reconcile()[:2] == (0, [])

    def test_is_also_what_merely_waits(
        self, chat: Chat, ann: User, line: Line, reconcile: Reconcile
    ) -> None:
        post(chat, ann)
        assert reconcile()[:2] == (0, [])
        line.publish()
        assert reconcile()[:2] == (0, [])

    def test_is_also_what_was_pruned(self, chat: Chat, reconcile: Reconcile) -> None:
        half = message_events()[5].pk
        event_ids = message_events().filter(pk__lt=half).values("event_id")
        HandledEvent.objects.filter(
            event_id__in=list(event_ids.values_list("event_id", flat=True))
        ).delete()
        message_events().filter(pk__lt=half).delete()
        assert reconcile()[:2] == (0, [])

    def test_is_also_a_dead_letter(self, chat: Chat, reconcile: Reconcile) -> None:
        event = message_events()[3]
        HandledEvent.objects.filter(event_id=event.event_id, handler="activity").delete()
        DeadLetter.objects.create(
            topic=event.topic,
            partition=event.partition,
            offset=event.offset,
            event_id=event.event_id,
            group="webchat-group",
            handler="activity",
            error_class="ValueError",
        )
        assert reconcile()[:2] == (0, [])


class TestHoles:
    def test_in_seq_need_a_person(self, chat: Chat, reconcile: Reconcile) -> None:
        remove_message(4)
        code, found, lines = reconcile("--repair")
        assert code == 3
        assert {"seq_hole", "event_without_message"} <= set(found)
        (hole,) = [line for line in lines if line.get("code") == "seq_hole"]
        assert (hole["chat"], hole["seq"], hole["repairable"]) == (chat.pk, 4, False)
        assert "messages 4 to 4 are missing" in hole["sentence"]

    def test_at_the_end_need_a_person_and_give_no_seq_twice(
        self, chat: Chat, reconcile: Reconcile
    ) -> None:
        remove_message(10)
        assert "seq_hole" in reconcile("--repair")[1]
        chat.refresh_from_db()
        assert chat.last_seq == 10

    def test_in_revisions_need_a_person(self, chat: Chat, reconcile: Reconcile) -> None:
        Chat.objects.update(revision=99)
        assert reconcile("--repair")[:2] == (3, ["revision_hole"])


class TestMessageWithoutEvent:
    def test_gets_one_and_no_second_one(
        self, chat: Chat, ann: User, line: Line, reconcile: Reconcile
    ) -> None:
        message = post_text(chat, ann, "untold")
        message_events().latest("pk").delete()
        code, found, lines = reconcile()
        assert (code, found) == (3, ["message_without_event"])
        assert lines[0]["seq"] == message.seq
        assert not OutboxEvent.objects.waiting().filter(topic="chat-messages").exists()
        assert reconcile("--repair")[:2] == (0, ["message_without_event"])
        event = message_events().latest("pk")
        assert json.loads(event.payload)["content"] == "untold"
        assert reconcile("--repair")[:2] == (0, [])
        line.work_off()
        assert reconcile()[:2] == (0, [])
        message_events().filter(pk=event.pk).delete()
        assert event.event_id in {e.event_id for e in self.rewritten(message)}

    def rewritten(self, message: Message) -> Any:
        from django.db import transaction

        with transaction.atomic():
            REPAIRS["message_without_event"]([(message.pk, "created")], "tests@here")
        return message_events()

    @pytest.mark.parametrize("change", ["edited", "deleted"])
    def test_of_its_change_gets_one(
        self, chat: Chat, ann: User, reconcile: Reconcile, change: str
    ) -> None:
        message = Message.objects.get(seq=7)
        if change == "edited":
            edit_message(actor=ann, message_id=message.pk, content="new")
        else:
            delete_message(actor=ann, message_id=message.pk)
        message_events().latest("pk").delete()
        assert reconcile("--repair")[:2] == (0, ["message_without_event"])
        assert message_events().latest("pk").event_type == f"message.{change}"
        assert reconcile()[:2] == (0, [])

    def test_that_was_edited_since_stays_repaired(
        self, chat: Chat, ann: User, line: Line, reconcile: Reconcile
    ) -> None:
        """The event that is written tells of the revision that the edit has told of."""
        message = post_text(chat, ann, "first")
        message_events().latest("pk").delete()
        edit_message(actor=ann, message_id=message.pk, content="second")
        assert reconcile("--repair")[:2] == (0, ["message_without_event"])
        assert reconcile("--repair")[:2] == (0, [])
        line.work_off()
        assert reconcile("--repair")[:2] == (0, [])

    @pytest.mark.parametrize("change", ["edited", "hidden"])
    def test_of_its_second_change_gets_one_though_the_first_was_audited(
        self, chat: Chat, ann: User, line: Line, reconcile: Reconcile, change: str
    ) -> None:
        message = Message.objects.get(seq=7)
        root = make_person("root", is_staff=True, is_superuser=True)

        def do(number: int) -> None:
            if change == "edited":
                edit_message(actor=ann, message_id=message.pk, content=f"better {number}")
            else:
                hide_message(root, message.pk, "spam")

        do(1)
        if change == "hidden":
            restore_message(root, message.pk, "a mistake")
        line.work_off()
        do(2)
        message_events().latest("pk").delete()
        assert reconcile("--repair")[:2] == (0, ["message_without_event"])
        line.work_off()
        assert reconcile()[:2] == (0, [])

    @pytest.mark.parametrize("change", ["deleted", "hidden"])
    def test_whose_words_are_gone_needs_a_person(
        self, chat: Chat, ann: User, line: Line, reconcile: Reconcile, change: str
    ) -> None:
        message = post_text(chat, ann, "untold")
        message_events().latest("pk").delete()
        if change == "deleted":
            delete_message(actor=ann, message_id=message.pk)
        else:
            hide_message(make_person("root", is_superuser=True), message.pk, "spam")
        assert reconcile("--repair")[:2] == (3, ["lost_words_without_event"])
        line.work_off()
        assert not OutboxEvent.objects.set_aside().exists()


class TestEventWithoutMessage:
    def test_that_waits_never_goes_out(self, chat: Chat, ann: User, reconcile: Reconcile) -> None:
        post(chat, ann)
        remove_message(11)
        Chat.objects.update(last_seq=10)
        assert "waiting_event_without_message" in reconcile("--repair")[1]
        assert message_events().latest("pk").status == OutboxEvent.Status.CANCELLED
        assert "waiting_event_without_message" not in reconcile()[1]


class TestDoubleEvent:
    def make_double(self, **fields: Any) -> None:
        event = message_events().latest("pk")
        event.pk, event.event_id = None, uuid.uuid4()
        for name, value in fields.items():
            setattr(event, name, value)
        event._state.adding = True
        event.save()

    def test_that_waits_is_cancelled(self, chat: Chat, reconcile: Reconcile) -> None:
        self.make_double(status=OutboxEvent.Status.WAITING, partition=None, offset=None)
        assert reconcile("--repair")[:2] == (0, ["waiting_double_event"])
        assert reconcile()[:2] == (0, [])

    def test_that_is_published_needs_a_person(self, chat: Chat, reconcile: Reconcile) -> None:
        self.make_double(offset=10_000)
        assert reconcile("--repair")[:2] == (3, ["double_event"])


class TestWrongCounts:
    @pytest.mark.parametrize(
        ("fields", "kind"),
        [
            ({"last_seq": 7}, "wrong_last_seq"),
            ({"revision": 3}, "wrong_revision"),
            ({"published_seq": 50}, "wrong_published_seq"),
            ({"last_message_at": None}, "wrong_last_message_at"),
            ({"member_count": 7}, "wrong_member_count"),
        ],
    )
    def test_of_a_chat_are_corrected(
        self, chat: Chat, reconcile: Reconcile, fields: dict[str, Any], kind: str
    ) -> None:
        before = Chat.objects.values().get()
        Chat.objects.update(**fields)
        code, found, _ = reconcile("--repair")
        assert code == 0
        assert kind in found
        after = Chat.objects.values().get()
        assert {**before, "published_seq": 0} == {**after, "published_seq": 0}
        assert after["published_seq"] <= 10
        assert reconcile()[:2] == (0, [])

    @pytest.mark.parametrize("cursors", [(50, 9), (50, 50), (3, 9)])
    def test_of_a_member_are_corrected(
        self, chat: Chat, reconcile: Reconcile, cursors: tuple[int, int]
    ) -> None:
        Membership.objects.update(delivered_seq=cursors[0], read_seq=cursors[1])
        assert reconcile("--repair")[:2] == (0, ["wrong_cursor"])
        member = Membership.objects.get()
        assert member.read_seq <= member.delivered_seq <= 10
        assert reconcile()[:2] == (0, [])

    def test_of_the_activity_are_put_right_by_a_replay(
        self, chat: Chat, line: Line, reconcile: Reconcile
    ) -> None:
        ActivityCount.objects.filter(span="day").update(messages=3)
        code, found, lines = reconcile("--repair")
        assert (code, found) == (3, ["wrong_activity"])
        assert "3 messages counted, 10 written" in lines[0]["sentence"]
        assert "kafka_replay --handler activity" in lines[0]["repair"]
        replay("activity", line.adapter)
        assert reconcile()[:2] == (0, [])


class TestUnhandledEvent:
    def test_is_sent_again_under_the_same_id(
        self, chat: Chat, line: Line, reconcile: Reconcile
    ) -> None:
        event = self.not_the_last_of_its_partition()
        HandledEvent.objects.filter(event_id=event.event_id, handler="activity").delete()
        code, found, lines = reconcile("--repair")
        assert (code, found) == (0, ["unhandled_event"])
        assert "webchat-group/activity" in lines[0]["sentence"]
        assert reconcile()[:2] == (0, [])
        line.work_off()
        assert HandledEvent.objects.filter(event_id=event.event_id, handler="activity").exists()

    def test_that_was_removed_unread_is_sent_again_though_nothing_later_was_handled(
        self, chat: Chat, ann: User, line: Line, reconcile: Reconcile
    ) -> None:
        post(chat, ann)
        line.publish()
        event = message_events().latest("pk")
        assert event.partition is not None
        assert event.offset is not None
        lost = LostRecords.objects.create(
            group=MAIN_GROUP,
            topic=event.topic,
            partition=event.partition,
            first_offset=event.offset,
            end_offset=event.offset + 1,
        )
        code, found, _lines = reconcile()
        assert (code, set(found)) == (3, {"unhandled_event"})
        assert len(found) == len(registry.handlers(event.topic, MAIN_GROUP))
        assert reconcile("--repair", "--chat", str(chat.pk))[0] == 0
        assert LostRecords.objects.open().count() == 1  # other chats may have lost something, too
        line.work_off()
        assert reconcile("--repair")[:2] == (0, [])
        lost.refresh_from_db()
        assert lost.status == LostRecords.Status.SETTLED
        assert HandledEvent.objects.filter(event_id=event.event_id).count() == 2

    def test_that_the_audit_log_lost_needs_a_replay(
        self, chat: Chat, ann: User, line: Line, reconcile: Reconcile
    ) -> None:
        post(chat, ann)
        line.publish()
        event = message_events().latest("pk")
        HandledEvent.objects.create(
            event_id=event.event_id, group="webchat-group", handler="audit", topic=event.topic
        )
        line.consume()
        assert reconcile()[:2] == (3, ["unaudited_event"])
        replay("audit", line.adapter)
        assert reconcile()[:2] == (0, [])

    def not_the_last_of_its_partition(self) -> OutboxEvent:
        newest = message_events().filter(status=OutboxEvent.Status.PUBLISHED).latest("offset")
        found = message_events().filter(partition=newest.partition, offset__lt=newest.offset).last()
        assert found is not None
        return found


class TestTopic:
    def found(self, line: Line) -> list[str]:
        with snapshot():
            index_outbox(Scope(), lambda _done: None)
        beginnings = index_topics(line.adapter, lambda _done: None)
        grace = timedelta(0)
        found = [*check_lost(beginnings), *check_strangers(Scope(), grace)]
        return sorted({damage.code for damage in found})

    def test_that_has_everything_is_not_damaged(self, chat: Chat, line: Line) -> None:
        assert self.found(line) == []

    def test_that_was_lost_is_found(self, chat: Chat, line: Line) -> None:
        other = InMemoryAdapter()
        assert self.found(Line(other, replayable())) == ["lost_on_topic"]
        other.close()

    def test_with_a_record_of_which_nobody_knows_is_found(self, chat: Chat, line: Line) -> None:
        value, headers = encode(message_event(chat.pk, 77))
        line.adapter.publish_many([OutgoingRecord("chat-messages", str(chat.pk), value, headers)])
        assert self.found(line) == ["record_without_row"]


class TestScope:
    def test_is_one_chat(self, chat: Chat, ann: User, line: Line, reconcile: Reconcile) -> None:
        other = make_group(ann)
        post(other, ann)
        line.work_off()
        Chat.objects.filter(pk=other.pk).update(revision=99)
        assert reconcile("--chat", str(chat.pk))[:2] == (0, [])
        assert reconcile("--chat", str(other.pk))[0] == 3

    def test_is_what_is_young(self, chat: Chat, ann: User, reconcile: Reconcile) -> None:
        post(chat, ann)
        message_events().latest("pk").delete()
        later = (timezone.now() + timedelta(minutes=1)).isoformat()
        assert reconcile("--since", later)[:2] == (0, [])


class TestSomeRepaired:
    def test_is_exit_code_4(self, chat: Chat, reconcile: Reconcile) -> None:
        Membership.objects.update(delivered_seq=99)
        Chat.objects.update(revision=99)
        code, found, lines = reconcile("--repair")
        assert code == 4
        assert sorted(found) == ["revision_hole", "wrong_cursor"]
        assert lines[-1]["repaired_in_all"] == 1

    def test_is_told_to_the_audit_log(self, chat: Chat, reconcile: Reconcile) -> None:
        Membership.objects.update(delivered_seq=99)
        reconcile("--repair")
        fact = OutboxEvent.objects.get(event_type="reconcile.repaired")
        assert json.loads(fact.payload)["details"] == {"kind": "wrong_cursor", "count": 1}


class TestKinds:
    def test_that_can_be_repaired_have_a_repair(self) -> None:
        assert REPAIRS.keys() == {code for code, kind in KINDS.items() if kind.is_repairable}

    def test_are_checked_in_one_snapshot(self) -> None:
        assert len(CHECKS) == 9


class TestSnapshot:
    @pytest.mark.postgresql
    def test_sees_one_moment(self, chat: Chat, ann: User) -> None:
        from concurrent.futures import ThreadPoolExecutor

        def write() -> None:
            try:
                post(chat, ann)
            finally:
                connection.close()

        with snapshot():
            before = index_outbox(Scope(), lambda _done: None)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(write).result()
            assert index_outbox(Scope(), lambda _done: None) == before
        with snapshot():
            assert index_outbox(Scope(), lambda _done: None) == before + 1
