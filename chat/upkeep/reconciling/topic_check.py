"""Compares the outbox with the topics themselves, read from the beginning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from chat.events.topics import AUDIT_TOPIC, MESSAGES_TOPIC
from chat.models import AuditEntry
from chat.upkeep.reconciling.damage import Damage
from chat.upkeep.reconciling.snapshot import TYPES, Scope, adapted_uuid, query
from messaging.bus.adapter import Adapter
from messaging.contract.records import TopicPartition
from messaging.contract.validation import decode
from messaging.errors import InvalidEventError
from messaging.models import OutboxEvent

TOPICS = (AUDIT_TOPIC, MESSAGES_TOPIC)  # those whose every event is in the audit log


def index_topics(
    adapter: Adapter, on_progress: Callable[[int], object]
) -> dict[TopicPartition, int]:
    """Makes the table `reconcile_record`; of every partition the first offset still there.

    Begins after the snapshot, so what is published there is on the topics here. Raises
    RetryableError.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS reconcile_record")
        cursor.execute(
            "CREATE TEMPORARY TABLE reconcile_record (event_id {uuid}, topic varchar(249),"
            " part integer, off bigint, chat_id bigint, written_at bigint)".format(
                **TYPES[connection.vendor]
            )
        )
    reader = adapter.open_reader(TOPICS)
    try:
        beginnings, count = reader.beginnings(), 0
        for records in reader.read(beginnings, reader.ends()):
            rows = []
            for record in records:
                try:
                    event = decode(record)
                except InvalidEventError:
                    continue  # no event; it is among the dead letters
                chat_id = int(event.key) if event.key.isdigit() and len(event.key) < 19 else None
                place = (record.topic, record.partition, record.offset)
                rows.append((adapted_uuid(event.event_id), *place, chat_id, record.timestamp_ms))
            _insert(rows)
            count += len(records)
            on_progress(count)
    finally:
        reader.close()
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX reconcile_record_id ON reconcile_record (event_id)")
    return beginnings


def check_lost(beginnings: dict[TopicPartition, int]) -> Iterator[Damage]:
    """Published, and not on the topic, though nothing of that age was removed from it."""
    sql = """
        SELECT e.pk, e.chat_id, e.seq, e.event_id, e.topic, e.part, e.off FROM reconcile_event e
        WHERE e.status = %s AND e.part IS NOT NULL AND e.topic IN (%s, %s) AND NOT EXISTS (
            SELECT 1 FROM reconcile_record r WHERE r.event_id = e.event_id)
        ORDER BY e.chat_id, e.pk
    """
    for pk, chat_id, seq, event_id, topic, part, offset in query(
        sql, [OutboxEvent.Status.PUBLISHED.value, *TOPICS]
    ):
        if offset >= beginnings.get(TopicPartition(topic, part), 0):
            yield Damage("lost_on_topic", chat_id, seq, pk, {"event": UUID(str(event_id))})


def check_strangers(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    """On the topic, and neither in the outbox, as it is now, nor in the audit log."""
    condition, parameters = scope.sql("r.chat_id")
    sql = f"""
        SELECT r.event_id, r.topic, r.part, r.off, r.chat_id, r.written_at FROM reconcile_record r
        WHERE {condition} AND NOT EXISTS (
            SELECT 1 FROM reconcile_event e WHERE e.event_id = r.event_id)
        ORDER BY r.chat_id, r.topic, r.part, r.off
    """  # noqa: S608  conditions of our own
    until = timezone.now() - grace
    for event_id, topic, part, offset, chat_id, written_at in query(sql, parameters):
        found = UUID(str(event_id))
        moment = datetime.fromtimestamp(written_at / 1000, UTC)
        if moment > until or (scope.since and moment < scope.since) or _is_known(found):
            continue
        values: dict[str, Any] = {"event": found, "place": f"{topic}/{part}/{offset}"}
        yield Damage("record_without_row", chat_id, None, 0, values)


def _is_known(event_id: UUID) -> bool:
    rows = OutboxEvent.objects.filter(event_id=event_id)
    return rows.exists() or AuditEntry.objects.filter(event_id=event_id).exists()


def _insert(rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO reconcile_record VALUES (%s, %s, %s, %s, %s, %s)", rows)
