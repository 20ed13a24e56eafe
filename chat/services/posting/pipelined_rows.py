"""What a batch of posts reads and writes on PostgreSQL: few statements, in two round trips.

BEGIN, lock and what is read together; then messages, chats, events and COMMIT together. What is
read behind the lock is as new as the lock. See docs/decisions/0013.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from chat.models import Message
from chat.services.posting.locks import chats_of
from chat.services.posting.posts import NewPost
from chat.services.posting.rows import Rows, known_of, senders_of
from messaging.pipeline.binary import int8s, int8s_or_nulls, texts, timestamptz, uuids
from messaging.pipeline.transactions import ask, pipelined_transaction, rows_of, tell
from messaging.pipeline.trips import Statement

# As chat.services.posting.locks has it: only chats in which who posts is a member.
LOCK: Final = """
    SELECT c.id, c.last_seq, c.revision, c.is_closed FROM chat_chat c
    WHERE c.id IN (
        SELECT m.chat_id FROM unnest($1::bigint[], $2::bigint[]) AS given(chat_id, user_id)
        JOIN chat_membership m ON m.chat_id = given.chat_id AND m.user_id = given.user_id
        WHERE m.left_at IS NULL
    )
    ORDER BY c.id FOR NO KEY UPDATE OF c
"""
# Behind the lock: a row for each post, with its sender, what is known of it, and an id. One look
# into each index for each, however the tables have grown since it was planned: with `+ 0` no index
# but that of client_message_id can be chosen, and none that leads to all that a person has sent.
READ: Final = """
    SELECT
        nextval(pg_get_serial_sequence('chat_message', 'id')),
        given.chat_id, u.id, u.username, u.display_name, u.is_bot,
        known.id, known.chat_id, known.seq, known.revision, known.sender_id,
        known.client_message_id, known.created_at
    FROM unnest($1::bigint[], $2::bigint[], $3::uuid[])
        AS given(chat_id, sender_id, client_message_id)
    LEFT JOIN LATERAL (
        SELECT u.* FROM chat_membership m JOIN chat_user u ON u.id = m.user_id
        WHERE m.chat_id = given.chat_id AND m.user_id = given.sender_id
            AND m.left_at IS NULL AND u.is_active
        LIMIT 1
    ) AS u ON TRUE
    LEFT JOIN LATERAL (
        SELECT * FROM chat_message
        WHERE client_message_id = given.client_message_id
            AND sender_id + 0 = given.sender_id AND chat_id + 0 = given.chat_id
        LIMIT 1
    ) AS known ON TRUE
"""
WRITE: Final = """
    WITH moved AS (
        UPDATE chat_chat c
        SET last_seq = given.last_seq, revision = given.revision, last_message_at = $1::timestamptz
        FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS given(id, last_seq, revision)
        WHERE c.id = given.id
    )
    INSERT INTO chat_message (
        id, chat_id, seq, revision, sender_id, client_message_id, content, reply_to_id,
        created_at, hidden_reason
    )
    SELECT given.*, $1::timestamptz, '' FROM unnest(
        $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::uuid[],
        $11::text[], $12::bigint[]
    ) AS given
"""


class PipelinedRows(Rows):
    def __init__(self, posts: Sequence[NewPost]) -> None:
        locked = ask_for_chats({(post.chat_id, post.sender_id) for post in posts})
        read = ask(
            READ,
            int8s([post.chat_id for post in posts]),
            int8s([post.sender_id for post in posts]),
            uuids([post.client_message_id for post in posts]),
        )
        rows = rows_of(read)
        self.chats = chats_of(rows_of(locked))
        self._new_ids = [row[0] for row in rows]  # those of refused posts stay unused
        about = [(row[1:6], row[6:]) for row in rows if row[1] in self.chats]
        self.senders = senders_of(sender for sender, _ in about if sender[1] is not None)
        self.known = known_of(known for _, known in about if known[0] is not None)

    def insert(self, messages: Sequence[Message], now: datetime) -> None:
        for message, pk in zip(messages, self._new_ids, strict=False):
            message.pk = pk
            message._state.adding = False
        moved = {message.chat_id: self.chats[message.chat_id] for message in messages}.values()
        tell(
            WRITE,
            timestamptz(now),
            int8s([chat.pk for chat in moved]),
            int8s([chat.last_seq for chat in moved]),
            int8s([chat.revision for chat in moved]),
            int8s([message.pk for message in messages]),
            int8s([message.chat_id for message in messages]),
            int8s([message.seq for message in messages]),
            int8s([message.revision for message in messages]),
            int8s([message.sender_id for message in messages]),
            uuids([message.client_message_id for message in messages]),
            texts([message.content for message in messages]),
            int8s_or_nulls([message.reply_to_id for message in messages]),
        )


@contextmanager
def pipelined_rows_of(posts: Sequence[NewPost]) -> Iterator[Rows]:
    with pipelined_transaction():
        yield PipelinedRows(posts)


def ask_for_chats(posters: Collection[tuple[int, int]]) -> Statement:
    pairs = sorted(posters)
    return ask(LOCK, int8s([chat for chat, _ in pairs]), int8s([person for _, person in pairs]))
