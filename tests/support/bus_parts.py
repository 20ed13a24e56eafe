"""Parts for tests of the pipe: events as the chat records them, handlers whose effects are rows.

The effects are written without any protection of their own: a second effect is a second row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from django.db import connection, transaction

from messaging.contract import schemas
from messaging.contract.events import Event
from messaging.handling.dispatch import handle_once
from messaging.handling.embedded import event_of
from messaging.handling.registry import MAIN_GROUP, registry
from messaging.outbox.recording import NewEvent, record_many
from messaging.outbox.rows import mark_published, read_waiting

TOPIC = "chat-messages"
STATUS_TOPIC = "message-delivery-status"


def message_payload(chat: int | str, seq: int, **fields: Any) -> dict[str, Any]:
    return {
        "messageId": f"{chat}-{seq}",
        "chatId": str(chat),
        "senderId": "1",
        "content": f"message {seq} of chat {chat}",
        "timestamp": "2026-11-23T10:00:00.000+00:00",
        "action": "created",
        "seq": seq,
        "revision": seq,
        "replyTo": None,
        "clientMessageId": str(uuid4()),
    } | fields


def message_event(chat: int | str, seq: int, *, topic: str = TOPIC, **fields: Any) -> NewEvent:
    return NewEvent(topic, str(chat), "message.created", message_payload(chat, seq, **fields))


def record(*events: NewEvent) -> Sequence[NewEvent]:
    """Writes them to the outbox in a transaction of their own."""
    with transaction.atomic():
        record_many(events)
    return events


def record_chats(chats: int, messages: int, *, topic: str = TOPIC) -> None:
    """Messages 1 to `messages` of each chat, one of every chat at a time, as people write."""
    for seq in range(1, messages + 1):
        record(*(message_event(chat, seq, topic=topic) for chat in range(1, chats + 1)))


def handle_waiting(*names: str) -> list[Event]:
    """What waits in the outbox goes to these handlers of the main group, to all when none is named,
    as if the bus had brought it.
    """
    rows = read_waiting(limit=1000)
    events = [event_of(row) for row in rows]
    handlers = [
        handler
        for topic in registry.topics(MAIN_GROUP)
        for handler in registry.handlers(topic, MAIN_GROUP)
        if not names or handler.name in names
    ]
    handle_once(events, handlers, group=MAIN_GROUP)
    mark_published([(row, None) for row in rows])
    return events


def know_topic(topic: str) -> str:
    """Gives a topic of this test's own the contract of `chat-messages`, in this process."""
    known = replace(schemas.find_schema(TOPIC, 1), topic=topic)
    schemas._schemas()[topic, 1] = known
    return topic


class Effects:
    """A table of what handlers did, one row per effect."""

    @staticmethod
    def make_table() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS test_effect"
                " (handler varchar(50), chat varchar(50), seq integer, event_id varchar(36))"
            )

    @staticmethod
    def drop_table() -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS test_effect")

    @staticmethod
    def write(handler: str, events: Iterable[Event]) -> None:
        rows = [(handler, e.key, e.payload["seq"], str(e.event_id)) for e in events]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO test_effect (handler, chat, seq, event_id) VALUES (%s, %s, %s, %s)",
                rows,
            )

    @staticmethod
    def rows() -> list[tuple[str, str, int]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT handler, chat, seq FROM test_effect ORDER BY handler, chat, seq")
            return list(cursor.fetchall())

    @staticmethod
    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM test_effect")
            return int(cursor.fetchone()[0])

    @classmethod
    def once_for(cls, handlers: Sequence[str], *, chats: int, messages: int) -> bool:
        """Whether every handler has every message of every chat exactly once."""
        expected = sorted(
            (handler, str(chat), seq)
            for handler in handlers
            for chat in range(1, chats + 1)
            for seq in range(1, messages + 1)
        )
        return sorted(cls.rows()) == expected


def first_arrivals(found: Iterable[tuple[str, str, int]]) -> dict[str, list[int]]:
    """Of (event id, chat, seq) as they stand on the topic: each chat's seqs, repeats left out."""
    seen: set[str] = set()
    chats: dict[str, list[int]] = defaultdict(list)
    for event_id, chat, seq in found:
        if event_id not in seen:
            seen.add(event_id)
            chats[chat].append(seq)
    return dict(chats)
