"""Asks PostgreSQL and Kafka for what they have of a round's chats, past all bad lines."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from kafka import KafkaConsumer, TopicPartition

from bench.chaos.history import KeptChat, KeptCursors, KeptEvent, Message, Record, Stored

TOPIC = "chat-messages"
GROUP = "webchat-group"
CHATS = "SELECT id, last_seq, revision, published_seq FROM chat_chat WHERE id = ANY(%s)"
MESSAGES = """
    SELECT id, chat_id, seq, sender_id, client_message_id::text, content,
        deleted_at IS NOT NULL, revision
    FROM chat_message WHERE chat_id = ANY(%s) ORDER BY chat_id, seq
"""
CURSORS = """
    SELECT chat_id, user_id, delivered_seq, read_seq FROM chat_membership
    WHERE chat_id = ANY(%s)
"""
EVENTS = f"""
    SELECT event_id::text, key::bigint, payload::json ->> 'action',
        (payload::json ->> 'revision')::bigint, status = 1,
        (SELECT coalesce(json_object_agg(handler, times), '{{}}') FROM (
            SELECT handler, count(*) AS times FROM messaging_receipt AS handled
            WHERE handled.event_id = event.event_id AND handled."group" = '{GROUP}'
            GROUP BY handler) AS counted),
        (SELECT count(*) FROM chat_auditentry AS entry WHERE entry.event_id = event.event_id)
    FROM messaging_outboxevent AS event
    WHERE event.id > %s AND topic = '{TOPIC}' AND key = ANY(%s) ORDER BY event.id
"""
COUNTED = """
    SELECT chat_id, sum(messages)::bigint FROM chat_activitycount
    WHERE chat_id = ANY(%s) AND span = 'minute' GROUP BY chat_id
"""
DEAD = """
    SELECT topic || ': ' || handler || ': ' || error_class || ': ' || error_message
    FROM messaging_deadletter WHERE id > %s
"""


@dataclass
class Marks:
    """Where a round began: what came before was judged then."""

    event_id: int = 0
    dead_letter_id: int = 0
    offsets: dict[int, int] = field(default_factory=dict)  # by partition


def read_stored(url: str, chat_ids: Collection[int], marks: Marks) -> Stored:
    """Moves the marks on."""
    ids = list(chat_ids)
    keys = [str(one) for one in ids]
    with psycopg.connect(url) as connection:

        def ask(query: str, *values: Any) -> list[Any]:
            return connection.execute(query, values).fetchall()

        stored = Stored(
            chats=[KeptChat(*row) for row in ask(CHATS, ids)],
            messages=[Message(*row) for row in ask(MESSAGES, ids)],
            cursors=[KeptCursors(*row) for row in ask(CURSORS, ids)],
            events=[KeptEvent(*row) for row in ask(EVENTS, marks.event_id, keys)],
            counted=dict(ask(COUNTED, ids)),
            dead_letters=[words for (words,) in ask(DEAD, marks.dead_letter_id)],
        )
        marks.event_id = newest(connection, "messaging_outboxevent")
        marks.dead_letter_id = newest(connection, "messaging_deadletter")
    return stored


def newest(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def read_records(brokers: str, marks: Marks) -> list[Record]:
    """What has come to the topic since the marks, which move on."""
    client = KafkaConsumer(bootstrap_servers=brokers, isolation_level="read_committed")
    try:
        numbers = sorted(client.partitions_for_topic(TOPIC) or ())
        partitions = [TopicPartition(TOPIC, number) for number in numbers]
        client.assign(partitions)
        for each in partitions:
            client.seek(each, marks.offsets.get(each.partition, 0))
        found = _read_to_the_end(client, partitions)
        marks.offsets |= {each.partition: client.position(each) for each in partitions}
    finally:
        client.close()
    return found


def _read_to_the_end(client: Any, partitions: Sequence[Any]) -> list[Record]:
    ends = client.end_offsets(partitions)
    by_partition: dict[int, list[Record]] = defaultdict(list)
    while any(client.position(each) < end for each, end in ends.items()):
        for partition, records in client.poll(timeout_ms=1000, max_records=5000).items():
            by_partition[partition.partition] += map(_record, records)
    return [record for number in sorted(by_partition) for record in by_partition[number]]


def _record(raw: Any) -> Record:
    value = json.loads(raw.value)
    headers = {name: found.decode() for name, found in raw.headers}
    message = Message(
        int(value["messageId"]),
        int(value["chatId"]),
        value["seq"],
        int(value["senderId"]),
        value["clientMessageId"],
        value["content"],
        value["action"] == "deleted",
        value["revision"],
    )
    return Record(
        raw.partition, raw.offset, raw.key.decode(), headers["event-id"], value["action"], message
    )
