"""How far each chat's messages have reached the bus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.dispatch import receiver

from chat.database.given_rows import given
from chat.events.hub_commands import HubCommand, announce
from messaging.outbox.relay import published
from messaging.outbox.rows import OutboxRow

# The chats that are behind, in the usual locking order.
READ_BEHIND = """
    SELECT c.id, CASE WHEN given.seq < c.last_seq THEN given.seq ELSE c.last_seq END
    FROM {given} JOIN chat_chat c ON c.id = given.chat_id
    WHERE c.published_seq < given.seq AND c.published_seq < c.last_seq
    ORDER BY c.id
"""
MOVE = "UPDATE chat_chat AS c SET published_seq = given.seq FROM {given} WHERE c.id = given.id"


@receiver(published)
def follow_relay(rows: Sequence[OutboxRow], **kwargs: Any) -> None:
    """Waits for nobody: the rest of the relay's chats would wait too. A chat that somebody has
    locked moves when its status comes back from the bus.
    """
    mark_published({int(key): seq for key, seq in highest_seqs(rows).items()}, skip_locked=True)


def highest_seqs(rows: Iterable[OutboxRow]) -> dict[str, int]:
    """Key -> the highest `seq` of its message.created events."""
    highest: dict[str, int] = {}
    for row in rows:
        if row.event_type == "message.created":
            seq = row.parsed().get("seq")
            # The last one need not be the highest: a repair sends an old event after newer ones.
            if isinstance(seq, int):
                highest[row.key] = max(seq, highest.get(row.key, 0))
    return highest


@transaction.atomic
def mark_published(seqs: Mapping[int, int], *, skip_locked: bool = False) -> None:
    """Moves the chats' `published_seq` forward to these, never beyond their last message, and tells
    the browsers. Two statements however many chats: it runs after every round of the relay.
    """
    moved = _lock_behind(list(seqs.items()), skip_locked=skip_locked) if seqs else []
    if not moved:
        return
    _move(moved)
    announce(
        HubCommand.to_chat(pk, {"type": "status", "chat_id": pk, "published_seq": seq})
        for pk, seq in moved
    )


def _lock_behind(seqs: Sequence[tuple[int, int]], *, skip_locked: bool) -> list[tuple[int, int]]:
    table, parameters = given(("chat_id", "seq"), seqs)
    query = READ_BEHIND.format(given=table)
    if connection.vendor == "postgresql":
        query += " FOR NO KEY UPDATE OF c" + (" SKIP LOCKED" if skip_locked else "")
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _move(seqs: Sequence[tuple[int, int]]) -> None:
    table, parameters = given(("id", "seq"), seqs)
    with connection.cursor() as cursor:
        cursor.execute(MOVE.format(given=table), parameters)
