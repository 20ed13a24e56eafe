"""A chat with a long past, written straight into a server's SQLite file: through the services it
would take minutes. Every row is as the services leave it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

WORDS = "Сообщение номер {} of a long conversation, с именем и [link](https://example.org/{}) 🙂"


def content(seq: int) -> str:
    return WORDS.format(seq, seq)


def fill_chat(database_url: str, chat_id: int, user_ids: list[int], count: int) -> None:
    """Gives an empty chat `count` messages of these people in turn, a minute apart, all read."""
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=20)) as database:
        database.create_function("content_of", 1, content, deterministic=True)
        database.create_function("sender_of", 1, lambda seq: user_ids[seq % len(user_ids)])
        database.execute("BEGIN IMMEDIATE")
        database.execute(
            """
            INSERT INTO chat_message (
                chat_id, seq, revision, sender_id, client_message_id, content, created_at,
                hidden_reason
            )
            WITH RECURSIVE numbers(seq) AS (
                SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < :count
            )
            SELECT :chat, seq, seq, sender_of(seq), lower(hex(randomblob(16))), content_of(seq),
                datetime('now', printf('-%d minutes', :count - seq)), ''
            FROM numbers
            """,
            {"count": count, "chat": chat_id},
        )
        database.execute(
            "UPDATE chat_chat SET last_seq = :count, revision = :count, published_seq = :count,"
            " last_message_at = datetime('now') WHERE id = :chat",
            {"count": count, "chat": chat_id},
        )
        database.execute(
            "UPDATE chat_membership SET delivered_seq = :count, read_seq = :count"
            " WHERE chat_id = :chat",
            {"count": count, "chat": chat_id},
        )
        database.commit()
