"""A database with a past: rows of every table that grows, written in bulk and by number.

Every row is as the services leave it. Messages of all chats come mixed, as people write them: one
in five in chat 1, which has a thousand members; the others in turn. Person 1 is in every one of the
first thousand chats. Only for a database that is thrown away afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import psycopg

from bench.support.bare_tables import take_off

BIG_CHAT: Final = 1
STAR: Final = 1  # the person in a thousand chats
SOMEBODY: Final = 1003  # in some ten chats, and not in the big one
CHATS_OF_STAR: Final = 1000
MEMBERS: Final = 10  # of each other chat, beside the star
SENTENCES: Final = 20_000
# In as many messages however many there are, all of them in chats of the star.
RARE: Final = 25
RARE_RUSSIAN, RARE_ENGLISH = "жемчужина", "lighthouse"
# Each in one message of twenty.
COMMON_RUSSIAN, COMMON_ENGLISH = "встреча", "meeting"
SELDOM = "orchard"  # in one of a thousand
FORMER = "mandarin"  # in one of twenty, but not of the newest quarter


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything there is with so many messages: the rest grows with them."""

    messages: int

    @property
    def chats(self) -> int:
        return CHATS_OF_STAR + self.messages // 500

    @property
    def people(self) -> int:
        return 1000 + self.messages // 250

    @property
    def others(self) -> int:
        """Messages outside of the big chat: at least two in each chat."""
        return max(self.messages * 4 // 5, 2 * self.chats)

    @property
    def all_messages(self) -> int:
        return self.others + self.others // 4


def fill(url: str, size: Size) -> None:
    """`url`: of a migrated, empty database."""
    with psycopg.connect(url, autocommit=True) as connection:
        taken = take_off(connection)
        _write_sentences(connection)
        _run(connection, MESSAGES, size)
        # The index of words takes a core for as long as everything else takes the other.
        words = [index for index in taken.indexes if " USING gin " in index]
        with ThreadPoolExecutor(1) as aside:
            indexing = aside.submit(_run_alone, url, words)
            _run(connection, (*AROUND_MESSAGES, *AFTER_MESSAGES), size)
            _run_all(connection, (index for index in taken.indexes if index not in words))
            indexing.result()
        _run_all(connection, taken.constraints)
        _set_sequences(connection)
        connection.execute("VACUUM (ANALYZE)")


def _run(connection: psycopg.Connection, statements: Iterable[str], size: Size) -> None:
    for statement in statements:
        connection.execute(statement, _numbers(size))


def _run_all(connection: psycopg.Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.execute(statement)


def _run_alone(url: str, statements: Iterable[str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        _run_all(connection, statements)


def _numbers(size: Size) -> dict[str, int | str]:
    return {
        "chats": size.chats,
        "people": size.people,
        "others": size.others,
        "all": size.all_messages,
        "sentences": SENTENCES,
        "star_chats": CHATS_OF_STAR,
        "members": MEMBERS,
        "rare": RARE,
        "former": f" {FORMER}",
        "rare_words": f" {RARE_RUSSIAN} {RARE_ENGLISH}",
        "everyone": min(size.people, 1000),
    }


def _write_sentences(connection: psycopg.Connection) -> None:
    """Texts of messages, in two languages, the same in every run."""
    connection.execute("CREATE UNLOGGED TABLE sentence (id integer PRIMARY KEY, words text)")
    with connection.cursor().copy("COPY sentence FROM STDIN") as copy:
        for row in enumerate(sentences(SENTENCES)):
            copy.write_row(row)
    connection.execute("ANALYZE sentence")


def sentences(count: int) -> list[str]:
    chance = random.Random(13)
    russian = _words(chance, "бвгдклмнпрст", "аеиоуя", 4000)
    english = _words(chance, "bcdfghklmnprst", "aeiou", 4000)
    made = []
    for number in range(count):
        words = russian if number % 2 else english
        chosen = [words[int(len(words) * chance.random() ** 3)] for _ in range(10)]
        if number % 20 < 2:
            chosen[5] = COMMON_RUSSIAN if number % 2 else COMMON_ENGLISH
        if number % 1000 == 500:
            chosen[2] = SELDOM
        made.append(" ".join(chosen))
    return made


def _words(chance: random.Random, hard: str, soft: str, count: int) -> Sequence[str]:
    return [
        "".join(chance.choice(hard) + chance.choice(soft) for _ in range(chance.randint(2, 4)))
        for _ in range(count)
    ]


def _set_sequences(connection: psycopg.Connection) -> None:
    tables = connection.execute(
        "SELECT attrelid::regclass::text FROM pg_attribute"
        " WHERE attname = 'id' AND attidentity <> '' AND attrelid::regclass::text"
        " ~ '^(chat|messaging)_'"
    ).fetchall()
    for (table,) in tables:
        connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'),"
            f" greatest((SELECT max(id) FROM {table}), 1))"
        )


# A chat's members after the star: consecutive people, so that each is in some chats.
MEMBER = "1 + (chat * 7 + place) %% (%(people)s - 1) + 1"

# Message n: every fifth one is in the big chat, the others are in chats 2, 3 … in turn.
MESSAGES = (
    f"""
    INSERT INTO chat_message (id, chat_id, seq, revision, sender_id, client_message_id, content,
        created_at, hidden_reason, reply_to_id)
    SELECT n, chat, seq, seq,
        CASE WHEN chat = 1 THEN 1 + seq %% %(everyone)s ELSE {MEMBER} END,
        gen_random_uuid(),
        words || ' n' || n
            || CASE WHEN n %% 20 = 7 AND n < %(all)s * 3 / 4 THEN %(former)s ELSE '' END
            || CASE WHEN chat = 1 AND seq <= %(rare)s THEN %(rare_words)s ELSE '' END,
        now() - interval '1 year' * (1 - n / %(all)s::float), '',
        CASE WHEN chat = 1 AND seq %% 20 = 0 THEN n - 5 END
    FROM (
        SELECT n, seq %% %(members)s AS place, chat, seq FROM (
            SELECT n,
                CASE WHEN n %% 5 = 0 THEN 1
                    ELSE 2 + (n - n / 5 - 1) %% (%(chats)s - 1) END AS chat,
                CASE WHEN n %% 5 = 0 THEN n / 5
                    ELSE (n - n / 5 - 1) / (%(chats)s - 1) + 1 END AS seq
            FROM generate_series(1, %(all)s) AS n
        ) AS numbered
    ) AS placed JOIN sentence ON sentence.id = abs(hashint8(n)::bigint) %% %(sentences)s
    ORDER BY n
    """,
)

# Chats and their members know the last message.
AROUND_MESSAGES = (
    """
    INSERT INTO chat_user (id, username, username_skeleton, display_name, password, is_superuser,
        first_name, last_name, email, is_staff, is_active, date_joined, language, is_bot,
        shares_reading, shares_presence)
    SELECT n, 'person' || n, 'person' || n, 'Name ' || md5(n::text), '!', false, '', '', '', false,
        true, now(), '', false, true, true
    FROM generate_series(1, %(people)s) AS n
    """,
    """
    INSERT INTO chat_chat (id, kind, title, created_by_id, created_at, last_seq, revision,
        published_seq)
    SELECT n, CASE WHEN n %% 50 = 2 THEN 'public' ELSE 'group' END, 'Chat ' || md5(n::text), 1,
        now() - interval '400 days', 0, 0, 0
    FROM generate_series(1, %(chats)s) AS n
    """,
    """
    INSERT INTO chat_membership (chat_id, user_id, role, notify, joined_at, delivered_seq, read_seq)
    SELECT 1, n, CASE WHEN n = 1 THEN 'owner' ELSE 'member' END, 'all',
        now() - interval '400 days', 0, 0
    FROM generate_series(1, %(everyone)s) AS n
    """,
    f"""
    INSERT INTO chat_membership (chat_id, user_id, role, notify, joined_at, delivered_seq, read_seq)
    SELECT chat, {MEMBER}, 'member', 'all', now() - interval '400 days', 0, 0
    FROM generate_series(2, %(chats)s) AS chat, generate_series(0, %(members)s - 1) AS place
    """,
    """
    INSERT INTO chat_membership (chat_id, user_id, role, notify, joined_at, delivered_seq, read_seq)
    SELECT chat, 1, 'owner', 'all', now() - interval '400 days', 0, 0
    FROM generate_series(2, %(star_chats)s) AS chat
    """,
    """
    UPDATE chat_chat SET last_seq = last.seq, revision = last.seq, published_seq = last.seq,
        last_message_at = last.created_at
    FROM (SELECT chat_id, max(seq) AS seq, max(created_at) AS created_at FROM chat_message
        GROUP BY chat_id) AS last
    WHERE chat_chat.id = last.chat_id
    """,
    """
    UPDATE chat_chat SET member_count = members.count
    FROM (SELECT chat_id, count(*) AS count FROM chat_membership GROUP BY chat_id) AS members
    WHERE chat_chat.id = members.chat_id
    """,
    """
    UPDATE chat_membership SET delivered_seq = last_seq, read_seq = last_seq
    FROM chat_chat WHERE chat_chat.id = chat_id
    """,
)

AFTER_MESSAGES = (
    """
    INSERT INTO chat_reaction (message_id, user_id, emoji, created_at)
    SELECT n, 1, '👍', now() FROM generate_series(1, %(all)s, 10) AS n
    """,
    """
    INSERT INTO messaging_outboxevent (id, event_id, topic, key, event_type, schema_version,
        payload, traceparent, created_at, status, attempts, last_error, published_at, partition,
        "offset")
    SELECT id, client_message_id, 'chat-messages', chat_id::text, 'message.created', 1,
        json_build_object('messageId', id::text, 'chatId', chat_id::text, 'senderId',
            sender_id::text, 'content', content, 'action', 'created', 'seq', seq)::text,
        '', created_at, 1, 1, '', created_at, chat_id %% 6, id
    FROM chat_message ORDER BY id
    """,
    """
    INSERT INTO messaging_receipt (event_id, "group", handler, topic, partition, "offset", attempts,
        handled_at)
    SELECT client_message_id, 'webchat', 'chat.notify', 'chat-messages', chat_id %% 6, id, 1,
        created_at
    FROM chat_message ORDER BY id
    """,
    """
    INSERT INTO chat_notification (user_id, kind, chat_id, message_id, actor_id, event_id,
        created_at, seen_at)
    SELECT CASE WHEN id %% 100 = 0 OR id <= 200 THEN 1 ELSE 2 + id %% (%(people)s - 1) END,
        'mention', chat_id, id, sender_id, client_message_id, created_at, created_at
    FROM chat_message WHERE id %% 5 = 0
    """,
    """
    INSERT INTO chat_activitycount (span, starts_at, chat_id, user_id, messages)
    SELECT 'day', date_trunc('day', created_at, 'UTC'), chat_id, sender_id, count(*)
    FROM chat_message GROUP BY 2, 3, 4
    """,
    """
    INSERT INTO chat_webhook (id, name, chat_id, url, secret, created_by_id, owner_id, created_at,
        is_active, failures, switched_off_reason)
    VALUES (1, 'All', 1, 'https://hooks.example', 'secret', 1, 1, now(), true, 0, '')
    """,
    """
    INSERT INTO chat_webhookdelivery (webhook_id, event_id, event_type, chat_id, body, status,
        attempts, refused, next_attempt_at, error, created_at, finished_at)
    SELECT 1, client_message_id, 'message.created', chat_id, '{}', 'delivered', 1, 0, created_at,
        '', created_at, created_at
    FROM chat_message WHERE chat_id = 1 ORDER BY id
    """,
    """
    INSERT INTO chat_auditentry (place, event_id, happened_at, recorded_at, action, actor_id,
        actor_name, chat_id, target_type, target_id, details, previous_hash, hash)
    SELECT id / 10, client_message_id, created_at, created_at, 'message.edited', sender_id, 'name',
        chat_id, 'message', id::text, '{}', md5(id::text), md5(id::text)
    FROM chat_message WHERE id %% 10 = 0 ORDER BY id
    """,
)
