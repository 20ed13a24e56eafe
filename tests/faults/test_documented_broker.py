"""Everything on a broker that allows only what docs/operations.md says; and what happens to the
rest when one thing is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.structs import TopicPartition

from chat.events.topics import AUDIT_TOPIC, MESSAGES_TOPIC, STATUS_TOPIC
from messaging.bus.configuration import dead_letter_topic
from tests.support.documented_kafka import DocumentedKafka
from tests.support.needs import absent
from tests.support.servers import ROOT, Command, environment, manage
from tests.support.services import ServiceMissing, wait_until

GROUPS = ("webchat-group", "webchat-webhooks")
POST = """
from uuid import uuid4
from chat.models import User
from chat.services.posting.posting import post_message
from chat.services.posting.posts import NewPost
anna = User.objects.get(username="anna")
chat = anna.memberships.order_by("pk").first().chat_id
for number in range({count}):
    print(post_message(NewPost(chat, anna.pk, uuid4(), "hello")))
"""
NEW_CHAT = """
from chat.models import Chat, User
from chat.services.chats.chats import create_chat
print(create_chat(owner=User.objects.get(username="anna"), title="Another", kind=Chat.Kind.GROUP))
"""
LACKING = """
from messaging.bus.configuration import get_adapter
print(sorted(get_adapter().find_lacking({topics})))
"""
POISON = f"""
from messaging.bus.configuration import get_adapter
from messaging.contract.records import OutgoingRecord
print(get_adapter().publish_many([OutgoingRecord("{STATUS_TOPIC}", "1", b"no JSON")]))
"""


class Site:
    """A database of its own beside the broker, and the commands of an operator."""

    def __init__(self, kafka: DocumentedKafka, database_url: str, redis_url: str) -> None:
        self.kafka = kafka
        self.database_url = database_url
        self.env = environment(database_url, redis_url, MESSAGE_BUS="kafka", **kafka.webchat)
        self.relay = Command("run_outbox_relay", env=self.env, started_by="is active now")

    def manage(self, *arguments: str, code: int = 0) -> str:
        """What it gave; in its words only where it gave nothing."""
        done = manage(*arguments, env=self.env, seconds=90)
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout or done.stderr

    def make_topics(self) -> str:
        """As the document says, which leaves the interpreter to the reader."""
        line = self.kafka.topics_command.replace("manage.py", f"{sys.executable} manage.py")
        return self.kafka.run(f"cd {ROOT}\n{line}", env=self.env)

    def post(self, count: int) -> None:
        self.shell(POST.format(count=count))

    def shell(self, code: str) -> str:
        """What it printed last."""
        return self.manage("shell", "-c", code).splitlines()[-1]

    def lacking(self, *topics: str) -> str:
        return self.shell(LACKING.format(topics=list(topics)))

    def consume(self) -> None:
        for group in GROUPS:
            self.manage("run_kafka_consumer", "--group", group, "--until-empty")

    def work_off(self) -> None:
        """Handlers write events, too: until nothing is left."""
        for _ in range(3):
            wait_until(lambda: self.waiting() == 0, seconds=60, what="the outbox is empty")
            self.consume()
        wait_until(lambda: self.waiting() == 0, seconds=60, what="the outbox is empty")

    def status(self, *, code: int = 0) -> dict[str, Any]:
        shown = self.manage("kafka_status", "--check", "--json", code=code)
        found: dict[str, Any] = json.loads(shown.splitlines()[0])
        return found

    def waiting(self, topic: str = "%") -> int:
        return int(
            self.value(
                "SELECT count(*) FROM messaging_outboxevent WHERE status = 0 AND topic LIKE %s",
                topic,
            )
        )

    def published(self, topic: str) -> int:
        return int(
            self.value(
                "SELECT count(*) FROM messaging_outboxevent WHERE status = 1 AND topic = %s", topic
            )
        )

    def value(self, query: str, *given: Any) -> Any:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query, given).fetchone()
        assert row is not None
        return row[0]

    def admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(
            bootstrap_servers=self.kafka.brokers,
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username="admin",
            sasl_plain_password="change-me-admin",
            ssl_cafile=str(self.kafka.folder / "ca.pem"),
        )

    def end_of(self, topic: str) -> int:
        """How many records were ever written there."""
        admin = self.admin()
        try:
            ends = admin.list_partition_offsets(
                dict.fromkeys(partitions(admin, topic), OffsetSpec.LATEST)
            )
            return sum(end.offset for end in ends.values())
        finally:
            admin.close()

    def remove_all_records(self, topic: str) -> None:
        """As retention does."""
        admin = self.admin()
        try:
            admin.delete_records(dict.fromkeys(partitions(admin, topic), -1), timeout_ms=10_000)
        finally:
            admin.close()

    def close(self) -> None:
        print(self.relay.log_end(60))  # noqa: T201  pytest shows it when the test has failed
        self.relay.close()


def partitions(admin: KafkaAdminClient, topic: str) -> list[TopicPartition]:
    (described,) = admin.describe_topics([topic])
    return [TopicPartition(topic, part["partition_index"]) for part in described["partitions"]]


@pytest.fixture(scope="module")
def documented_kafka() -> Iterator[DocumentedKafka]:
    try:
        with DocumentedKafka() as kafka:
            yield kafka
    except ServiceMissing as error:
        absent(str(error))


@pytest.fixture(scope="module")
def site(documented_kafka: DocumentedKafka, postgres: Any, redis: Any) -> Iterator[Site]:
    database_url = postgres.new_database()
    site = Site(documented_kafka, database_url, redis.url)
    site.manage("migrate", "--verbosity", "0")
    site.make_topics()
    site.manage("seed_demo")
    site.relay.start()
    site.work_off()
    yield site
    site.close()
    postgres.drop_database(database_url)


class TestDocumentedRights:
    def test_are_enough_for_everything(self, site: Site) -> None:
        assert site.published(MESSAGES_TOPIC) > 0
        assert site.published(AUDIT_TOPIC) > 0
        figures = site.status()
        assert figures["problems"] == []
        assert {
            group["group"]: group["lag_records"] for group in figures["groups"]
        } == dict.fromkeys(GROUPS, 0)
        assert "chat-messages" in site.manage("kafka_topics", "--describe")
        site.manage("kafka_replay", "--handler", "activity", "--all", "--execute")
        site.manage("reconcile", "--topic")

    def test_let_dead_letters_be_written_and_retried(self, site: Site) -> None:
        assert "RecordPosition" in site.shell(POISON)
        site.consume()
        assert site.end_of(dead_letter_topic(STATUS_TOPIC)) == 1
        (letter,) = site.manage("dead_letters", "list", "--json").splitlines()
        number = str(json.loads(letter)["id"])
        assert "stays open" in site.manage("dead_letters", "retry", number, "--execute", code=1)
        site.manage("dead_letters", "discard", number, "--reason", "a test", "--execute")

    def test_allow_nothing_else(self, site: Site) -> None:
        admin = site.admin()
        try:
            admin.create_topics({"other": {"num_partitions": 1, "replication_factor": 1}})
        finally:
            admin.close()
        dead = dead_letter_topic(MESSAGES_TOPIC)
        assert site.lacking(MESSAGES_TOPIC, dead, "other") == f"['{dead}', 'other']"


class TestOneTopicRefused:
    def test_stops_no_other_and_is_named(self, site: Site) -> None:
        line = next(line for line in site.kafka.rights if "--operation Read" in line)
        before = site.published(MESSAGES_TOPIC)
        site.kafka.take_away(line, topic=AUDIT_TOPIC)
        try:
            wait_until(lambda: site.lacking(AUDIT_TOPIC) != "[]", seconds=30)
            site.shell(NEW_CHAT)
            site.post(3)
            wait_until(lambda: site.published(MESSAGES_TOPIC) == before + 3, seconds=30)
            assert site.waiting(AUDIT_TOPIC) > 0
            figures = site.status(code=3)
            assert figures["kafka_error"] == ""
            assert {group["group"]: group["error"] for group in figures["groups"]} == dict.fromkeys(
                GROUPS, ""
            )
            assert any(
                f"topic {AUDIT_TOPIC} is not allowed" in text for text in figures["problems"]
            )
            for _ in range(2):  # the first time they write statuses
                site.consume()
                wait_until(lambda: site.waiting(STATUS_TOPIC) == 0, seconds=30)
            assert site.status(code=3)["groups"][0]["lag_records"] == 0
        finally:
            site.kafka.give_back(line, topic=AUDIT_TOPIC)
        site.work_off()
        assert site.status()["problems"] == []


class TestRecordsThatAreGone:
    def test_are_said_until_they_are_sent_again(self, site: Site) -> None:
        messages = int(site.value("SELECT count(*) FROM chat_auditentry"))
        site.post(5)
        wait_until(lambda: site.waiting() == 0, seconds=30)
        site.remove_all_records(MESSAGES_TOPIC)
        figures = site.status(code=3)
        assert any("are gone already" in text for text in figures["problems"])
        site.consume()
        figures = site.status(code=3)
        assert [(lost["group"], lost["records"]) for lost in figures["lost"]] == [
            (group, 5) for group in GROUPS
        ]
        assert all("manage.py reconcile --repair" in text for text in figures["problems"])
        assert int(site.value("SELECT count(*) FROM chat_auditentry")) == messages

        site.manage("reconcile", "--repair", "--grace-seconds", "0.1")
        site.work_off()
        assert site.status()["problems"] == []
        assert int(site.value("SELECT count(*) FROM chat_auditentry")) >= messages + 5
