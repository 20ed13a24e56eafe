"""Compares messages with their chats and with their events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Max

from chat.events.topics import MESSAGES_TOPIC
from chat.models import AuditEntry
from chat.models.changes import CHANGES
from chat.upkeep.reconciling.damage import Damage
from chat.upkeep.reconciling.snapshot import Scope, adapted, aware, parts, query
from messaging.models import OutboxEvent

PUBLISHED = OutboxEvent.Status.PUBLISHED.value
CANCELLED = OutboxEvent.Status.CANCELLED.value


def check_chats(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    """Holes, and what a chat says of its last message."""
    condition, parameters = scope.sql("c.id")
    sql = f"""
        SELECT c.id, c.last_seq, c.revision, c.published_seq, c.last_message_at,
               COALESCE(m.count, 0), COALESCE(m.seq, 0), COALESCE(m.revision, 0), l.created_at
        FROM chat_chat c
        LEFT JOIN (SELECT chat_id, count(*) AS count, max(seq) AS seq, max(revision) AS revision
                   FROM chat_message GROUP BY chat_id) m ON m.chat_id = c.id
        LEFT JOIN chat_message l ON l.chat_id = c.id AND l.seq = m.seq
        WHERE {condition} ORDER BY c.id
    """  # noqa: S608  conditions of our own
    for row in query(sql, parameters):
        yield from _check_chat(*row)


def _check_chat(
    chat_id: int,
    last_seq: int,
    revision: int,
    published_seq: int,
    last_message_at: Any,
    count: int,
    seq: int,
    highest: int,
    came_at: Any,
) -> Iterator[Damage]:
    def wrong(code: str, **values: Any) -> Damage:
        return Damage(code, chat_id, ref=chat_id, values=values)

    has_holes = count != max(seq, last_seq)
    if has_holes:
        yield from _holes(chat_id, seq, last_seq)
    if last_seq < seq:
        yield wrong("wrong_last_seq", found=last_seq, expected=seq)
    if revision < highest:
        yield wrong("wrong_revision", found=revision, expected=highest)
    elif revision > highest and not has_holes:
        yield wrong("revision_hole", revision=revision, highest=highest)
    if published_seq > max(seq, last_seq):
        yield wrong("wrong_published_seq", found=published_seq, expected=max(seq, last_seq))
    if last_message_at != came_at and not last_seq > seq:
        yield wrong("wrong_last_message_at")


def _holes(chat_id: int, seq: int, last_seq: int) -> Iterator[Damage]:
    sql = """
        SELECT before + 1, seq - 1 FROM (
            SELECT seq, COALESCE(lag(seq) OVER (ORDER BY seq), 0) AS before
            FROM chat_message WHERE chat_id = %s
        ) AS neighbours WHERE seq > before + 1 ORDER BY seq
    """
    ends = [(seq + 1, last_seq)] if last_seq > seq else []
    for first, last in [*query(sql, [chat_id]), *ends]:
        yield Damage("seq_hole", chat_id, first, chat_id, {"first": first, "last": last})


def check_cursors(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    condition, parameters = scope.sql("c.id")
    sql = f"""
        SELECT m.id, c.id, m.user_id, m.delivered_seq, m.read_seq, c.last_seq
        FROM chat_membership m JOIN chat_chat c ON c.id = m.chat_id
        WHERE {condition} AND (m.delivered_seq > c.last_seq OR m.read_seq > m.delivered_seq)
        ORDER BY c.id, m.id
    """  # noqa: S608  conditions of our own
    for pk, chat_id, *found in query(sql, parameters):
        values = dict(zip(("user", "delivered", "read", "last_seq"), found, strict=True))
        yield Damage("wrong_cursor", chat_id, None, pk, values)


READABLE = "m.deleted_at IS NULL AND m.hidden_at IS NULL"
# What a message may have gone through, and when it holds of the table's row `m`.
HOLDS = {
    "created": "true",
    "edited": f"m.edited_at IS NOT NULL AND {READABLE}",
    "deleted": "m.deleted_at IS NOT NULL",
    "hidden": "m.hidden_at IS NOT NULL AND m.deleted_at IS NULL",
}


def check_messages(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    """Of which no event tells. What was handled long ago is pruned from the outbox; then the audit
    log still has it. What is older than both is not judged."""
    known_since = _known_since()
    if known_since is None:
        return
    for name, holds in HOLDS.items():
        action, moment_sql = CHANGES[name].action, f"m.{CHANGES[name].moment}"
        assert action is not None, "what holds of a row is on the topic"
        condition, parameters = scope.sql("m.chat_id", "m.created_at")
        sql = f"""
            SELECT m.id, m.chat_id, m.seq, {moment_sql}, {READABLE}
            FROM chat_message m
            WHERE {condition} AND m.created_at >= %s AND {holds} AND NOT EXISTS (
                SELECT 1 FROM reconcile_event e
                WHERE e.message_id = m.id AND e.action = %s AND e.happened_at >= {moment_sql})
            ORDER BY m.chat_id, m.seq
        """  # noqa: S608  conditions of our own
        for rows in parts(query(sql, [*parameters, adapted(known_since), action])):
            audited = _last_audited(action, [pk for pk, *_ in rows])
            for pk, chat_id, seq, moment, is_readable in rows:
                if pk in audited and audited[pk] >= aware(moment):
                    continue
                has_words = is_readable or action == "deleted"
                code = "message_without_event" if has_words else "lost_words_without_event"
                yield Damage(code, chat_id, seq, pk, {"action": name})


def _known_since() -> datetime | None:
    moments = [
        OutboxEvent.objects.order_by("id").values_list("created_at", flat=True).first(),
        AuditEntry.objects.order_by("place").values_list("happened_at", flat=True).first(),
    ]
    return min((moment for moment in moments if moment), default=None)


def _last_audited(action: str, message_ids: list[int]) -> dict[int, datetime]:
    """When it last happened to each of these messages, as far as the audit log knows."""
    entries = AuditEntry.objects.filter(
        target_type="message", target_id__in=list(map(str, message_ids)), action=f"message.{action}"
    )
    last = entries.order_by().values_list("target_id").annotate(last=Max("happened_at"))
    return {int(target_id): moment for target_id, moment in last}


def check_events(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    """Events of messages that are not there, or are another chat's, or have another place."""
    sql = """
        SELECT e.pk, e.chat_id, e.seq, e.event_id, e.message_id, e.status
        FROM reconcile_event e LEFT JOIN chat_message m
          ON m.id = e.message_id AND m.chat_id = e.chat_id AND m.seq = e.seq
        WHERE e.topic = %s AND e.status <> %s AND m.id IS NULL ORDER BY e.chat_id, e.pk
    """
    for pk, chat_id, seq, event_id, message_id, status in query(sql, [MESSAGES_TOPIC, CANCELLED]):
        code = "event_without_message" if status == PUBLISHED else "waiting_event_without_message"
        values = {"event": UUID(str(event_id)), "message": message_id}
        yield Damage(code, chat_id, seq, pk, values)


def check_doubles(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    """Of the events that tell the same, the first that is published is the one that stays."""
    sql = """
        SELECT e.pk, e.chat_id, e.seq, e.revision, e.action, e.event_id, e.status
        FROM reconcile_event e
        JOIN (SELECT chat_id, revision, action FROM reconcile_event
              WHERE topic = %s AND status <> %s
              GROUP BY chat_id, revision, action HAVING count(*) > 1) d
          ON d.chat_id = e.chat_id AND d.revision = e.revision AND d.action = e.action
        WHERE e.topic = %s AND e.status <> %s
        ORDER BY e.chat_id, e.revision, e.action, CASE WHEN e.status = %s THEN 0 ELSE 1 END, e.pk
    """
    parameters = [MESSAGES_TOPIC, CANCELLED, MESSAGES_TOPIC, CANCELLED, PUBLISHED]
    for _, rows in groupby(query(sql, parameters), key=lambda row: (row[1], row[3], row[4])):
        first, *others = rows
        for pk, chat_id, seq, *_told, event_id, status in others:
            code = "double_event" if status == PUBLISHED else "waiting_double_event"
            values = {"event": UUID(str(event_id)), "first": UUID(str(first[5]))}
            yield Damage(code, chat_id, seq, pk, values)
