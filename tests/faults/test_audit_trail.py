"""Audit and activity through PostgreSQL, Kafka and three consumers at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.processes import wait_until
from tests.support.servers import Command, environment, manage
from tests.support.services import Kafka

pytestmark = pytest.mark.long

CHATS, PEOPLE, MESSAGES = 4, 3, 600

# What people and operators do, in a process of its own, through the services.
ACTIONS = f"""
import uuid
from django.test import Client
from chat.models import User
from chat.services.chats.chats import (
    add_member, create_chat, join_chat, leave_chat, let_back, remove_member
)
from chat.services.messages import delete_message, edit_message
from chat.services.people.people import create_person
from chat.services.posting.posting import post_messages
from chat.services.posting.posts import NewPost
from chat.models import Message
from chat.services.chats.chats import open_direct_chat
from chat.webhooks.incoming import create_incoming_webhook, post_by_webhook
from chat.services.people.moderation import ban_person, hide_message, restore_message
from messaging.models import DeadLetter
from messaging.handling.dead_letter_retries import discard
def bobs_message(chat):
    return Message.objects.filter(chat=chat, sender__username="p1").latest("seq").pk
people = [create_person(username=f"p{{n}}", password="long-enough-9") for n in range({PEOPLE})]
ann, bob, eve = people[:3]
chats = [
    create_chat(owner=ann, kind="public", title=f"Chat {{n}}", members=people[1:])
    for n in range({CHATS})
]
posts = [
    NewPost(chats[n % {CHATS}].pk, people[n % {PEOPLE}].pk, uuid.uuid4(), f"secret words {{n}}")
    for n in range({MESSAGES})
]
saved = []
for start in range(0, len(posts), 20):
    saved += post_messages(posts[start : start + 20])
edit_message(actor=ann, message_id=saved[0].message_id, content="other secret words")
delete_message(actor=ann, message_id=saved[1].message_id)
leave_chat(user=bob, chat_id=chats[0].pk)
join_chat(user=bob, chat_id=chats[0].pk)
remove_member(actor=ann, chat_id=chats[0].pk, user_id=eve.pk)
let_back(actor=ann, chat_id=chats[0].pk, user_id=eve.pk)
add_member(actor=ann, chat_id=chats[0].pk, user_id=eve.pk)
browser = Client()
assert not browser.login(username="p0", password="wrong")
assert browser.login(username="p0", password="long-enough-9")
browser.logout()
letter = DeadLetter.objects.create(topic="t", group="g", error_class="E")
discard(letter.pk, "a test", actor="deploy@here")
root = User.objects.create_superuser("root", password="long-enough-9")
hide_message(root, saved[2].message_id, "spam")
restore_message(root, saved[2].message_id, "a mistake")
stranger = create_person(username="stranger", password="long-enough-9")
ban_person(root, stranger.pk, "spam")
hook, _token = create_incoming_webhook(actor=ann, chat_id=chats[1].pk, name="Builds")
post_by_webhook(hook, content="secret build", key="17")
post_by_webhook(hook, content="secret build", key="17")
direct = open_direct_chat(user=ann, other_id=bob.pk)
mention = NewPost(chats[2].pk, ann.pk, uuid.uuid4(), "secret for @p1")
answer = NewPost(chats[3].pk, ann.pk, uuid.uuid4(), "secret answer", bobs_message(chats[3]))
post_messages([mention, answer, NewPost(direct.pk, ann.pk, uuid.uuid4(), "secret letter")])
"""
# Besides what the loop says: a bot's one message, and three that somebody is told of.
MORE_MESSAGES = 4
TOLD = {"invite": CHATS * (PEOPLE - 1) + 1, "mention": 1, "reply": 1, "direct": 1}

ONCE = (
    *(
        "member.left",
        "member.removed",
        "member.let_back",
        "dead_letter.discarded",
        "incoming_webhook.created",
    ),
    *("sign_in.failed", "sign_in.succeeded", "sign_in.ended"),
    *("message.hidden", "message.restored", "person.banned"),
)
# What is hidden is deleted to others, and edited when it comes back; a bot joins, too.
TWICE = ("message.edited", "message.deleted", "member.joined")
EXPECTED = dict.fromkeys(ONCE, 1) | dict.fromkeys(TWICE, 2)


class Line:
    """A relay, consumers, and their database."""

    def __init__(self, database_url: str, redis_url: str, brokers: str) -> None:
        self.database_url = database_url
        self.env = environment(database_url, redis_url, KAFKA_BROKERS=brokers, MESSAGE_BUS="kafka")
        self._running: list[Command] = []
        self.manage("kafka_topics", "--ensure")
        self._run("run_outbox_relay", started_by="elay")
        for _ in range(3):
            self._run("run_kafka_consumer", started_by="webchat-group")

    def _run(self, name: str, *, started_by: str) -> None:
        command = Command(name, env=self.env, started_by=started_by)
        self._running.append(command)
        command.start()

    def manage(self, *arguments: str, exit_code: int = 0) -> str:
        done = manage(*arguments, env=self.env, seconds=120)
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as database:
            return database.execute(query).fetchall()

    def wait_until_audited(self) -> None:
        """Everything that was recorded for the two topics has become an entry, and has been with
        their other handlers.
        """
        query = """
            SELECT (SELECT count(*) FROM messaging_outboxevent
                    WHERE topic IN ('chat-messages', 'audit-events')),
                   (SELECT count(*) FROM chat_auditentry),
                   (SELECT array_agg(topic) FROM messaging_outboxevent AS event
                    WHERE topic IN ('chat-messages', 'audit-events')
                    AND (SELECT count(*) FROM messaging_receipt AS handled
                         WHERE handled.event_id = event.event_id)
                        < (SELECT count(DISTINCT handler) FROM messaging_receipt AS handled
                           WHERE handled.topic = event.topic))
        """

        def is_done() -> bool:
            ((recorded, audited, unfinished),) = self.rows(query)
            return bool(recorded == audited and not unfinished)

        wait_until(is_done, seconds=120, what="entries of all events")

    def verify(self, *, exit_code: int = 0) -> dict[str, Any]:
        return dict(json.loads(self.manage("audit_verify", "--json", exit_code=exit_code)))

    def damage(self, statement: str) -> None:
        """Even the table's owner must first switch off what refuses it."""
        with psycopg.connect(self.database_url) as database:
            database.execute(
                "ALTER TABLE chat_auditentry DISABLE TRIGGER chat_auditentry_append_only"
            )
            database.execute(statement)

    def close(self) -> None:
        for command in self._running:
            command.close()


@pytest.fixture
def line(migrated_postgres_url: str, redis_url: str, kafka_without_topics: Kafka) -> Iterator[Line]:
    line = Line(migrated_postgres_url, redis_url, kafka_without_topics.brokers)
    yield line
    line.close()


def test_three_consumers_audit_and_count_everything_once(line: Line) -> None:
    line.manage("shell", "-c", ACTIONS)
    line.wait_until_audited()
    counts = dict(line.rows("SELECT action, count(*) FROM chat_auditentry GROUP BY action"))
    assert {action: counts.get(action) for action in EXPECTED} == EXPECTED
    assert counts["message.created"] == MESSAGES + MORE_MESSAGES
    assert counts["member.added"] == CHATS * (PEOPLE - 1) + 1
    told = line.rows("SELECT kind, count(*) FROM chat_notification GROUP BY kind")
    assert dict(told) == TOLD
    report = line.verify()
    assert report["is_whole"]
    assert report["entries"] == sum(counts.values())
    assert not line.rows("SELECT 1 FROM chat_auditentry e WHERE e::text LIKE '%secret%'")

    # In the order of each chat.
    seqs = line.rows(
        "SELECT chat_id, (details::json->>'seq')::int FROM chat_auditentry"
        " WHERE action = 'message.created' ORDER BY place"
    )
    for chat_id in {chat_id for chat_id, _ in seqs}:
        own = [seq for each, seq in seqs if each == chat_id]
        assert own == list(range(1, len(own) + 1))

    # Activity: what the messages themselves say.
    for span in ("minute", "hour", "day"):
        counted = line.rows(
            "SELECT chat_id, user_id, starts_at, messages FROM chat_activitycount"
            f" WHERE span = '{span}' ORDER BY 1, 2, 3"
        )
        assert counted == line.rows(
            f"SELECT chat_id, sender_id, date_trunc('{span}', created_at, 'UTC'), count(*)"
            " FROM chat_message GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        )

    # Everything again, under the same event ids: as after a relay that died before it marked.
    before = line.rows("SELECT * FROM chat_auditentry ORDER BY place")
    activity = line.rows("SELECT * FROM chat_activitycount ORDER BY id")
    ends = line.rows('SELECT sum("offset") FROM messaging_outboxevent')
    line.rows("UPDATE messaging_outboxevent SET status = 0 RETURNING 1")
    wait_until(
        lambda: line.rows("SELECT count(*) FROM messaging_outboxevent WHERE status = 0") == [(0,)],
        seconds=60,
    )
    assert line.rows('SELECT sum("offset") FROM messaging_outboxevent') != ends
    line.manage("run_kafka_consumer", "--until-empty")
    assert line.rows("SELECT * FROM chat_auditentry ORDER BY place") == before
    assert line.rows("SELECT * FROM chat_activitycount ORDER BY id") == activity

    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        line.rows("DELETE FROM chat_auditentry WHERE place = 9 RETURNING 1")
    # A handler's events once more: a fact of its own, and nothing else.
    line.manage("kafka_replay", "--handler", "activity", "--all", "--execute")
    line.wait_until_audited()
    replayed = "SELECT count(*) FROM chat_auditentry WHERE action = 'handler.replayed'"
    assert line.rows(replayed) == [(1,)]
    assert line.rows("SELECT * FROM chat_activitycount ORDER BY id") == activity
    assert dict(line.rows("SELECT kind, count(*) FROM chat_notification GROUP BY kind")) == TOLD

    line.damage("UPDATE chat_auditentry SET actor_id = 99 WHERE place = 5")
    line.damage("DELETE FROM chat_auditentry WHERE place IN (9, 10)")
    found = {(each["kind"], each["place"]) for each in line.verify(exit_code=3)["damages"]}
    assert {("changed", 5), ("removed", 9)} <= found
