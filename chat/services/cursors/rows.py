"""How members' cursors are read and written, many at once: one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection

from chat.database.given_rows import given


class Wanted(NamedTuple):
    """Where a person's cursors should move to."""

    chat_id: int
    user_id: int
    delivered_seq: int
    read_seq: int


class CursorRow(NamedTuple):
    """A locked membership whose cursors are behind, with where they should move to."""

    membership_id: int
    chat_id: int
    user_id: int
    delivered_seq: int
    read_seq: int
    last_seq: int
    shares_reading: bool
    wanted_delivered_seq: int
    wanted_read_seq: int


READ_BEHIND = """
    SELECT m.id, m.chat_id, m.user_id, m.delivered_seq, m.read_seq, c.last_seq, u.shares_reading,
           given.delivered_seq, given.read_seq
    FROM {given}
    JOIN chat_membership m ON m.chat_id = given.chat_id AND m.user_id = given.user_id
    JOIN chat_chat c ON c.id = m.chat_id
    JOIN chat_user u ON u.id = m.user_id
    WHERE m.left_at IS NULL
      AND (m.delivered_seq < given.delivered_seq OR m.read_seq < given.read_seq)
    ORDER BY m.id
"""
MOVE = """
    UPDATE chat_membership AS m
    SET delivered_seq = given.delivered_seq, read_seq = given.read_seq
    FROM {given} WHERE m.id = given.id
"""


def lock_behind(wanted: Sequence[Wanted]) -> list[CursorRow]:
    """Active members' rows that are behind, locked in the order of their ids."""
    table, parameters = given(Wanted._fields, wanted)
    query = READ_BEHIND.format(given=table)
    if connection.vendor == "postgresql":
        query += " FOR NO KEY UPDATE OF m"
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [CursorRow(*row) for row in cursor.fetchall()]


def move(cursors: Sequence[tuple[int, int, int]]) -> None:
    """(membership id, delivered, read) of rows that are locked."""
    table, parameters = given(("id", "delivered_seq", "read_seq"), cursors)
    with connection.cursor() as cursor:
        cursor.execute(MOVE.format(given=table), parameters)
