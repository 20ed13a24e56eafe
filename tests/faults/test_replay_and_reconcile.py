"""Replaying and reconciling on a real Kafka and PostgreSQL, while people go on writing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from chat.models import ActivityCount, ActivityShadow, Chat, Membership, Message, User
from chat.services.posting.posting import post_messages
from chat.upkeep.reconciling.checks import CHECKS
from chat.upkeep.reconciling.damage import KINDS
from chat.upkeep.reconciling.snapshot import Scope, index_outbox, snapshot
from chat.upkeep.reconciling.topic_check import check_lost, check_strangers, index_topics
from messaging.bus.kafka.adapter import KafkaAdapter
from messaging.contract.records import OutgoingRecord
from messaging.contract.validation import encode
from messaging.models import HandledEvent, OutboxEvent, OutboxEventQuerySet
from tests.support import loopback
from tests.support.bus_line import Line
from tests.support.bus_parts import message_event
from tests.support.kafka_topics import remove_topics
from tests.support.people import make_group, make_people, message_events, new_post, post
from tests.support.processes import DEADLINE, PATIENCE, wait_until
from tests.support.replaying import counts, is_counted_right, log, replay, replayable
from tests.support.servers import ROOT, environment
from tests.support.services import Kafka

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

KILLED_BEFORE_THE_SWAP = """
import os, signal, sys
import django
django.setup()
from chat.handlers.projections import ActivityProjection
ActivityProjection.swap = lambda self: os.kill(os.getpid(), signal.SIGKILL)
from django.core.management import execute_from_command_line
execute_from_command_line(
    ["manage.py", "kafka_replay", "--handler", "activity", "--all", "--execute", "--skip-checks"]
)
"""


@pytest.fixture
def line(kafka_without_topics: Kafka) -> Iterator[Line]:
    adapter = KafkaAdapter(brokers=[kafka_without_topics.brokers])
    topics = replayable().topics("webchat-group")
    adapter.ensure_topics(topics, partitions=3, replication=1)
    yield Line(adapter, replayable())
    adapter.close(timeout_seconds=2)


@pytest.fixture
def chats() -> list[tuple[Chat, User]]:
    people = make_people("ann", "ben", "cleo", "dan")
    return [(make_group(person), person) for person in people]


def write(chats: list[tuple[Chat, User]], messages: int) -> None:
    for number in range(messages):
        post_messages([new_post(chat, person, f"message {number}") for chat, person in chats])


@contextmanager
def people_write(chats: list[tuple[Chat, User]]) -> Iterator[None]:
    """One message after the other, until the block ends."""
    stopping = threading.Event()

    def go_on() -> None:
        try:
            while not stopping.is_set():
                for chat, person in chats:
                    post(chat, person)
        finally:
            connection.close()

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        yield
    finally:
        stopping.set()
        writer.join(DEADLINE)
    assert not writer.is_alive()


def damage(line: Line) -> list[str]:
    """What reconcile --topic finds."""
    scope, grace = Scope(), timedelta(seconds=5)
    with snapshot():
        index_outbox(scope, lambda _done: None)
        found = [each for check in CHECKS for each in check(scope, grace)]
    beginnings = index_topics(line.adapter, lambda _done: None)
    found += [*check_lost(beginnings), *check_strangers(scope, grace)]
    return sorted({f"{each.code}: {each.sentence}" for each in found})


def database_url() -> str:
    names = connection.settings_dict
    return f"postgres://{names['USER']}@{names['HOST']}:{names['PORT']}/{names['NAME']}"


def manage_environment(kafka: Kafka) -> dict[str, str]:
    return environment(
        database_url(), settings.REDIS_URL, KAFKA_BROKERS=kafka.brokers, MESSAGE_BUS="kafka"
    )


class TestReplay:
    def test_twice_changes_nothing(self, line: Line, chats: list[tuple[Chat, User]]) -> None:
        write(chats, 100)
        line.work_off()
        before = counts(), log()
        assert is_counted_right()
        for handler in ("activity", "audit", "activity", "audit"):
            assert replay(handler, line.adapter).rows_changed == 0
        assert (counts(), log()) == before

    def test_under_live_traffic_ends_with_the_right_counts(
        self, line: Line, chats: list[tuple[Chat, User]]
    ) -> None:
        write(chats, 100)
        line.work_off()
        ActivityCount.objects.update(messages=1)
        with line.running(), people_write(chats):
            written = Message.objects.count()
            wait_until(lambda: Message.objects.count() > written + 20, seconds=30)
            assert replay("activity", line.adapter).events_applied >= 400
            written = Message.objects.count()
            wait_until(lambda: Message.objects.count() > written + 20, seconds=30)
            replay("activity", line.adapter)
        line.work_off()
        assert is_counted_right()
        assert damage(line) == []

    def test_killed_in_the_middle_leaves_the_table_as_it_was(
        self, line: Line, kafka_without_topics: Kafka, chats: list[tuple[Chat, User]]
    ) -> None:
        write(chats, 50)
        line.work_off()
        ActivityCount.objects.filter(span="day").update(messages=7)
        before = counts()
        env = manage_environment(kafka_without_topics)
        done = subprocess.run(
            [sys.executable, "-c", KILLED_BEFORE_THE_SWAP],
            cwd=ROOT,
            env=env | {"PYTHONPATH": loopback.python_path(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120 * PATIENCE,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert counts() == before
        assert ActivityShadow.objects.exists()
        line.work_off()
        assert replay("activity", line.adapter).rows_changed == 4
        assert is_counted_right()


class TestReconcile:
    def test_raises_no_false_alarm_under_load(
        self, line: Line, chats: list[tuple[Chat, User]]
    ) -> None:
        write(chats, 50)
        with line.running(), people_write(chats):
            for _ in range(5):
                assert damage(line) == []
        line.work_off()
        assert damage(line) == []

    def test_finds_a_lost_topic_and_sends_everything_again(
        self, line: Line, kafka_without_topics: Kafka, chats: list[tuple[Chat, User]]
    ) -> None:
        write(chats, 20)
        line.work_off()
        before = counts(), log()
        topics = line.topics
        remove_topics(kafka_without_topics.brokers, topics)
        line.adapter.ensure_topics(topics, partitions=3, replication=1)
        assert {found.split(":")[0] for found in damage(line)} == {"lost_on_topic"}
        assert reconcile(kafka_without_topics, "--repair")[0] == 0
        sent = OutboxEvent.objects.waiting().filter(topic="chat-messages").count()
        assert sent == Message.objects.count()
        line.work_off()
        assert damage(line) == []
        assert counts() == before[0]
        assert log()[: len(before[1])] == before[1]

    def test_finds_each_kind_that_is_done_by_hand_and_repairs_what_can_be(
        self, line: Line, kafka_without_topics: Kafka
    ) -> None:
        people = make_people(*(f"person-{number}" for number in range(len(DAMAGES))))
        chats = [(make_group(person), person) for person in people]
        write(chats, 10)
        line.work_off()
        assert reconcile(kafka_without_topics) == (0, [])
        for (chat, person), do in zip(chats, DAMAGES.values(), strict=True):
            do(line, chat, person)
        code, found = reconcile(kafka_without_topics)
        assert code == 3
        expected = {kind for kinds in DAMAGES for kind in kinds.split()}
        assert set(found) == expected
        assert reconcile(kafka_without_topics, "--repair")[0] == 4
        line.work_off()
        code, found = reconcile(kafka_without_topics)
        assert code == 3
        left = {kind for kind in expected if not KINDS[kind].is_repairable}
        # The record of nobody was handled meanwhile: it is audited, and counted too much.
        assert set(found) == left - {"record_without_row"} | {"wrong_activity"}
        # What was sent again under its id had no second effect.
        assert HandledEvent.objects.values("event_id", "handler").distinct().count() == (
            HandledEvent.objects.count()
        )


def reconcile(kafka: Kafka, *arguments: str) -> tuple[int, list[str]]:
    """The command in a process of its own: its exit code, and the kinds that it found."""
    command = ["manage.py", "reconcile", "--topic", "--json", "--grace-seconds", "0.001"]
    done = subprocess.run(
        [sys.executable, *command, *arguments],
        cwd=ROOT,
        env=manage_environment(kafka),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120 * PATIENCE,
        check=False,
    )
    assert done.returncode in (0, 3, 4), done.stdout + done.stderr
    lines = [json.loads(each) for each in done.stdout.splitlines()]
    return done.returncode, [each["code"] for each in lines if "code" in each]


def events_of(chat: Chat) -> OutboxEventQuerySet:
    return message_events().filter(key=str(chat.pk))


def remove_a_message(line: Line, chat: Chat, person: User) -> None:
    execute("DELETE FROM chat_message WHERE chat_id = %s AND seq = 4", chat.pk)


def remove_an_event(line: Line, chat: Chat, person: User) -> None:
    post(chat, person)
    events_of(chat).latest("pk").delete()


def leave_an_event_without_its_message(line: Line, chat: Chat, person: User) -> None:
    post(chat, person)
    execute("DELETE FROM chat_message WHERE chat_id = %s AND seq = 11", chat.pk)
    Chat.objects.filter(pk=chat.pk).update(last_seq=10, revision=10)
    newest = Message.objects.filter(chat=chat).latest("seq")
    Chat.objects.filter(pk=chat.pk).update(last_message_at=newest.created_at)


def double_an_event(line: Line, chat: Chat, person: User) -> None:
    """As if it had been recorded twice, once published and once not yet."""
    event = events_of(chat).latest("pk")
    for status in (OutboxEvent.Status.PUBLISHED, OutboxEvent.Status.WAITING):
        event.pk, event.event_id, event.status = None, uuid.uuid4(), status
        event.partition = event.offset = None
        event._state.adding = True
        event.save()


def set_wrong_counts(line: Line, chat: Chat, person: User) -> None:
    Chat.objects.filter(pk=chat.pk).update(last_seq=7, revision=8, published_seq=50)


def set_wrong_cursors(line: Line, chat: Chat, person: User) -> None:
    Membership.objects.filter(chat=chat).update(delivered_seq=99)


def lose_a_record(line: Line, chat: Chat, person: User) -> None:
    """The outbox says that it was published, and the topic does not have it."""
    post(chat, person)
    events_of(chat).filter(status=OutboxEvent.Status.WAITING).update(
        status=OutboxEvent.Status.PUBLISHED,
        published_at=timezone.now(),
        partition=events_of(chat).earliest("pk").partition,
        offset=1_000_000,
    )


def pass_an_event_over(line: Line, chat: Chat, person: User) -> None:
    event = events_of(chat).earliest("pk")
    HandledEvent.objects.filter(event_id=event.event_id, handler="activity").delete()


def write_a_record_of_nobody(line: Line, chat: Chat, person: User) -> None:
    value, headers = encode(message_event(chat.pk, 77, messageId="77"))
    line.adapter.publish_many([OutgoingRecord("chat-messages", str(chat.pk), value, headers)])


def execute(statement: str, *parameters: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


# What each is found as; a chat each.
DAMAGES = {
    "seq_hole event_without_message": remove_a_message,
    "message_without_event": remove_an_event,
    "waiting_event_without_message": leave_an_event_without_its_message,
    "double_event waiting_double_event": double_an_event,
    "wrong_last_seq wrong_revision wrong_published_seq": set_wrong_counts,
    "wrong_cursor": set_wrong_cursors,
    "lost_on_topic": lose_a_record,
    "unhandled_event": pass_an_event_over,
    "record_without_row": write_a_record_of_nobody,
}
