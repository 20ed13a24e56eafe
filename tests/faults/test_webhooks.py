"""Outgoing webhooks the whole way: outbox, Kafka, the group's own processes, a receiver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.processes import wait_until
from tests.support.receivers import Receiver, is_signed
from tests.support.servers import Command, environment, manage

pytestmark = pytest.mark.long

GROUP = "webchat-webhooks"
CHATS, MESSAGES = 3, 40

# Run by `manage.py shell`: a chat's owner, chats, a webhook of each; then messages in all of them.
SET_UP = """
import sys
from chat.models import User
from chat.services.chats import chats
from chat.webhooks import outgoing as webhooks
ann = User.objects.create(username="ann", password="!")
for number in range({chats}):
    chat = chats.create_chat(owner=ann, kind="group", title=f"Chat {{number}}")
    made = webhooks.create_webhook(actor=ann, chat_id=chat.pk, name="A hook", url="{url}")
    print("SECRET", made.secret)
"""
WRITE = """
import uuid
from chat.models import Chat, User
from chat.services.posting.posting import post_messages
from chat.services.posting.posts import NewPost
ann = User.objects.get(username="ann")
for number in range({first}, {last} + 1):
    post_messages([NewPost(c.pk, ann.pk, uuid.uuid4(), f"message {{number}}")
                   for c in Chat.objects.order_by("pk")])
"""


class Road:
    def __init__(self, database_url: str, redis_url: str, brokers: str) -> None:
        self.database_url = database_url
        self.env = environment(
            database_url,
            redis_url,
            KAFKA_BROKERS=brokers,
            MESSAGE_BUS="kafka",
            WEBHOOK_ALLOW_PRIVATE="true",
            WEBHOOK_ALLOW_HTTP="true",
        )
        self.processes: list[Command] = []

    def run(self, code: str) -> str:
        done = manage("shell", "-c", code, env=self.env, seconds=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str) -> Command:
        process = Command(*arguments, env=self.env, started_by="Webchat")
        self.processes.append(process)
        process.start()
        return process

    def value(self, query: str) -> Any:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query).fetchone()
        return row and row[0]

    def make_all_due(self) -> None:
        """As if the waits between tries were over."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("UPDATE chat_webhookdelivery SET next_attempt_at = now()")

    def waiting(self) -> int:
        return int(self.value("SELECT count(*) FROM chat_webhookdelivery WHERE status = 'waiting'"))

    def close(self) -> None:
        for process in self.processes:
            process.close()


@pytest.fixture
def road(migrated_postgres_url, redis_url, kafka_without_topics) -> Iterator[Road]:
    road = Road(migrated_postgres_url, redis_url, kafka_without_topics.brokers)
    done = manage("kafka_topics", "--ensure", env=road.env)
    assert done.returncode == 0, done.stderr
    yield road
    road.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


class TestReceiverThatIsDown:
    def test_gets_everything_afterwards_though_senders_die(self, road, receiver):
        receiver.stop()
        printed = road.run(SET_UP.format(chats=CHATS, url=receiver.url))
        secrets = [line.split()[1] for line in printed.splitlines() if line.startswith("SECRET")]
        road.run(WRITE.format(first=1, last=MESSAGES // 2))
        road.start("run_outbox_relay")
        first = road.start("run_kafka_consumer", "--group", GROUP)
        half = CHATS * MESSAGES // 2
        wait_until(lambda: road.waiting() == half, seconds=90, what="noted deliveries")
        wait_until(
            lambda: road.value("SELECT min(failures) FROM chat_webhook") > 0,
            seconds=30,
            what="a failed try of each",
        )
        road.run(WRITE.format(first=MESSAGES // 2 + 1, last=MESSAGES))
        receiver.start()
        road.make_all_due()
        wait_until(lambda: len(receiver.taken) > 10, seconds=60, what="first deliveries")
        first.kill()
        second = road.start("run_kafka_consumer", "--group", GROUP)
        wait_until(
            lambda: (
                sum(map(len, receiver.events_by_chat().values())) == CHATS * MESSAGES
                and not road.waiting()
            ),
            seconds=90,
            what="all deliveries",
        )
        assert list(receiver.events_by_chat().values()) == [
            list(range(1, MESSAGES + 1)) for _ in range(CHATS)
        ]
        # What the killed one had sent and not written down: one delivery of each chat, at most.
        assert len(receiver.taken) <= CHATS * MESSAGES + CHATS
        assert all(any(is_signed(got, secret) for secret in secrets) for got in receiver.taken)
        second.terminate()
        assert second.exit_code() == 0


class TestSlowReceiver:
    def test_does_not_delay_the_main_group(self, road, receiver):
        road.run(SET_UP.format(chats=CHATS, url=receiver.url))
        hold = receiver.hold_back()
        road.start("run_outbox_relay")
        road.start("run_kafka_consumer", "--group", GROUP)
        road.start("run_kafka_consumer")
        road.run(WRITE.format(first=1, last=MESSAGES))
        wait_until(
            lambda: (
                road.value("SELECT count(*) FROM messaging_receipt WHERE handler = 'heads'")
                == CHATS * MESSAGES
            ),
            seconds=90,
            what="handled events of the main group",
        )
        assert not receiver.taken
        hold.set()
