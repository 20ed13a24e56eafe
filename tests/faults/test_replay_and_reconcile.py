"""Replaying and reconciling on a real Kafka and PostgreSQL, while people go on writing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from chat.models import ActivityCount, ActivityShadow, Chat, Message, User
from chat.reconciling.checks import CHECKS
from chat.reconciling.snapshot import Scope, index_outbox, snapshot
from chat.reconciling.topic_check import check_lost, check_strangers, index_topics
from chat.services.posting import post_messages
from messaging.kafka_adapter import KafkaAdapter
from messaging.models import OutboxEvent
from tests.bus_line import Line
from tests.kafka_topics import remove_topics
from tests.people import make_group, make_people, new_post, post
from tests.processes import PATIENCE, wait_until
from tests.replaying import counts, is_counted_right, log, replay, replayable
from tests.servers import ROOT, environment
from tests.services import Kafka

pytestmark = [pytest.mark.slow, pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

KILLED_BEFORE_THE_SWAP = """
import os, signal, sys
import django
django.setup()
from chat.projections import ActivityProjection
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
        writer.join(30)
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
            env=env | {"PYTHONPATH": str(ROOT)},
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
        env = manage_environment(kafka_without_topics)
        done = subprocess.run(
            [sys.executable, "manage.py", "reconcile", "--topic", "--repair"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120 * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        sent = OutboxEvent.objects.waiting().filter(topic="chat-messages").count()
        assert sent == Message.objects.count()
        line.work_off()
        assert damage(line) == []
        assert counts() == before[0]
        assert log()[: len(before[1])] == before[1]
