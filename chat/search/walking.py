"""The newest messages, looked at one by one: a frequent word is met there soon. On PostgreSQL.

The index of words would gather all messages that have the word, of all times, to show twenty. Words
are only looked for where the first letters of each are: some thirty times quicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from chat.models import Message
from chat.models.ids import LARGEST_ID
from chat.search.found import Scope

# How many messages are looked at: some three milliseconds, where none of them matches.
OF_ALL, OF_ONE, OF_SEVERAL = 3000, 3000, 1500
FURTHER = 20_000  # of all, for a word that is frequent among the first ones
OF_SENDER = 3000
MIN_OF_EACH = 10
# Of more chats, the newest of all messages are theirs often enough.
MAX_NAMED_CHATS = 200


class Sql(NamedTuple):
    text: str
    parameters: Sequence[Any]


class Walk(NamedTuple):
    """`messages`, newest first, are all of the scope with the id `floor` or a later one."""

    messages: Sql
    floor: int
    # About how many messages the chats have with those that are not walked; None: it is not known.
    total: int | None = None


class _End(NamedTuple):
    """Of one chat: `seq` is of its newest message, `next_id` of the first one not walked."""

    chat_id: int
    seq: int
    next_id: int


# Both by the unique index of (chat, seq).
FIND_ENDS = """
    SELECT of_chat, end_seq, coalesce(next_id, 0)
    FROM unnest(%(chats)s::bigint[]) AS chats(of_chat),
    LATERAL (SELECT seq AS end_seq FROM chat_message
        WHERE chat_id = of_chat AND seq < %(below)s ORDER BY seq DESC LIMIT 1) AS newest
    LEFT JOIN LATERAL (SELECT id AS next_id FROM chat_message
        WHERE chat_id = of_chat AND seq <= end_seq - %(number)s
        ORDER BY seq DESC LIMIT 1) AS next ON true
"""


def is_named(scope: Scope) -> bool:
    """Whether messages are looked for by their chats."""
    return len(scope.chat_ids) <= MAX_NAMED_CHATS


def walk(readable: Sql, scope: Scope) -> Walk:
    """`readable`: SELECT id, content … WHERE …, to which conditions may be added."""
    if scope.sender_id is not None and _has_written_few(scope.sender_id):
        return _walk_sender(readable, scope)
    if not is_named(scope):
        return _walk_all(readable, scope, OF_ALL)
    several = max(OF_SEVERAL // len(scope.chat_ids), MIN_OF_EACH)
    number = OF_ONE if len(scope.chat_ids) == 1 else several
    ends = _ends(scope, number)
    floor = max((end.next_id + 1 for end in ends if end.next_id), default=0)
    if len(ends) == 1:
        messages = _of_one(readable, scope, ends[0], number)
    else:
        messages = _of_each(readable, scope, ends, number, floor)
    return Walk(messages, floor, sum(end.seq for end in ends))


def walk_further(readable: Sql, scope: Scope, walked: Walk) -> Walk | None:
    """Where the newest of all messages were walked, and there are more."""
    if is_named(scope) or walked.floor == 0:
        return None
    return _walk_all(readable, replace(scope, before_id=walked.floor), FURTHER)


def _has_written_few(sender_id: int) -> bool:
    return Message.objects.filter(sender_id=sender_id)[: OF_SENDER + 1].count() <= OF_SENDER


def _walk_sender(readable: Sql, scope: Scope) -> Walk:
    """Everything that somebody has written. `+ 0`: by the index of senders."""
    text, parameters = readable
    text += " AND id < %s AND (chat_id + 0) = ANY(%s::bigint[]) ORDER BY (id + 0) DESC"
    return Walk(Sql(text, [*parameters, _before(scope), list(scope.chat_ids)]), 0)


def _walk_all(readable: Sql, scope: Scope, number: int) -> Walk:
    before_id = min(_before(scope), _newest_id() + 1)
    floor = max(0, before_id - number)
    text, parameters = readable
    text += " AND id < %s AND id >= %s AND (chat_id + 0) = ANY(%s::bigint[]) ORDER BY id DESC"
    return Walk(Sql(text, [*parameters, before_id, floor, scope.chat_ids]), floor)


def _of_one(readable: Sql, scope: Scope, end: _End, number: int) -> Sql:
    text, parameters = readable
    text += " AND chat_id = %s AND seq <= %s AND seq > %s AND id < %s ORDER BY seq DESC"
    return Sql(text, [*parameters, end.chat_id, end.seq, end.seq - number, _before(scope)])


def _of_each(readable: Sql, scope: Scope, ends: Sequence[_End], number: int, floor: int) -> Sql:
    text = f"""
        SELECT id, content FROM unnest(%s::bigint[], %s::bigint[]) AS ends(of_chat, end_seq),
        LATERAL ({readable.text} AND chat_id = of_chat AND seq <= end_seq
            AND seq > end_seq - {number} ORDER BY seq DESC LIMIT {number}) AS newest
        WHERE id >= %s AND id < %s ORDER BY id DESC
    """  # noqa: S608
    chats, seqs = [end.chat_id for end in ends], [end.seq for end in ends]
    return Sql(text, [chats, seqs, *readable.parameters, floor, _before(scope)])


def _ends(scope: Scope, number: int) -> list[_End]:
    """Of the chats that have messages. Of one chat: from where the last page ended."""
    with connection.cursor() as cursor:
        below = _seq_of(cursor, scope) if len(scope.chat_ids) == 1 else LARGEST_ID
        cursor.execute(FIND_ENDS, {"chats": list(scope.chat_ids), "below": below, "number": number})
        return [_End(*row) for row in cursor.fetchall()]


def _seq_of(cursor: CursorWrapper, scope: Scope) -> int:
    """Where the message `before_id` is in the chat; the largest number, where it is elsewhere."""
    sql = "SELECT seq FROM chat_message WHERE id = %s AND chat_id = %s"
    cursor.execute(sql, [scope.before_id, *scope.chat_ids])
    [seq] = cursor.fetchone() or [LARGEST_ID]
    return int(seq)


def _before(scope: Scope) -> int:
    return LARGEST_ID if scope.before_id is None else scope.before_id


def _newest_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM chat_message")
        [newest] = cursor.fetchone()
    return newest or 0
