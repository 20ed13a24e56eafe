"""Which chats a batch of posts locks: those of which a sender is a member.

One statement, because every message passes through it. See Note [Rights before locks].
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from django.db import connection, router

from chat.database.given_rows import given
from chat.models import Chat

# Like `Chat.objects.locked_in_order()`, with the senders checked in the same statement.
LOCK: Final = """
    SELECT c.id, c.last_seq, c.revision, c.is_closed FROM chat_chat c
    WHERE c.id IN (
        SELECT m.chat_id FROM {given}
        JOIN chat_membership m ON m.chat_id = given.chat_id AND m.user_id = given.user_id
        WHERE m.left_at IS NULL
    )
    ORDER BY c.id
"""
FIELDS: Final = ("id", "last_seq", "revision", "is_closed")


def lock_chats_of(posters: Collection[tuple[int, int]]) -> dict[int, Chat]:
    """The chats of these (chat id, person id), by their ids: no more than FIELDS of each."""
    if not posters:
        return {}
    table, parameters = given(("chat_id", "user_id"), list(posters))
    query = LOCK.format(given=table)
    if connection.vendor == "postgresql":
        query += " FOR NO KEY UPDATE OF c"
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return chats_of(cursor.fetchall())


def chats_of(rows: Iterable[Sequence[Any]]) -> dict[int, Chat]:
    """By id, of rows of FIELDS."""
    database = router.db_for_read(Chat)
    return {row[0]: Chat.from_db(database, FIELDS, row) for row in rows}
