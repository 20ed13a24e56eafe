"""What is done all day reads no more rows of a long past than of a short one, on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from chat.models import ActivityCount, User
from chat.reads.directory import READ_BY_NAME, find_people
from chat.reads.summaries import chat_summaries
from chat.search import PAGE_RESULTS, Search, search_messages, walking
from chat.upkeep.pruning import KINDS, Kind
from tests.support import people

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

CHATS, MESSAGES = 500, 20_000


@pytest.fixture
def ann() -> User:
    """In 500 chats of forty messages each; and was told of all of them."""
    ann = people.make_person("ann")
    with connection.cursor() as cursor:
        for statement in PAST:
            cursor.execute(statement, {"ann": ann.pk, "chats": CHATS, "messages": MESSAGES})
        cursor.execute("ANALYZE chat_chat, chat_membership, chat_message, chat_notification")
    return ann


PAST = (
    """
    INSERT INTO chat_chat (id, kind, title, created_by_id, created_at, last_seq, revision,
        published_seq)
    SELECT 1000000 + n, 'group', 'Chat ' || n, %(ann)s, now(), 40, 40, 40
    FROM generate_series(0, %(chats)s - 1) AS n
    """,
    """
    INSERT INTO chat_membership (chat_id, user_id, role, notify, joined_at, delivered_seq, read_seq)
    SELECT 1000000 + n, %(ann)s, 'owner', 'all', now(), 40, 40
    FROM generate_series(0, %(chats)s - 1) AS n
    """,
    """
    INSERT INTO chat_message (id, chat_id, seq, revision, sender_id, client_message_id, content,
        created_at, hidden_reason)
    SELECT 1000000 + n, 1000000 + n %% %(chats)s, n / %(chats)s + 1, n / %(chats)s + 1, %(ann)s,
        gen_random_uuid(), CASE WHEN n < 3 THEN 'lighthouse' ELSE 'number ' || n END, now(), ''
    FROM generate_series(0, %(messages)s - 1) AS n
    """,
    """
    INSERT INTO chat_notification (user_id, kind, chat_id, actor_id, event_id, created_at, seen_at)
    SELECT %(ann)s, 'mention', 1000000, %(ann)s, gen_random_uuid(), moment, moment
    FROM (SELECT now() - interval '1 minute' * (%(messages)s - n) AS moment
        FROM generate_series(1, %(messages)s) AS n) AS moments
    """,
)


def rows_read(table: str) -> int:
    """In this transaction so far."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = %s",
            [table],
        )
        return int(cursor.fetchone()[0])


def test_a_list_of_chats_reads_the_last_message_of_each(ann):
    before = rows_read("chat_message")
    assert len(chat_summaries(ann)) == CHATS
    # Once to find it, and once to read it.
    assert rows_read("chat_message") - before <= 2 * CHATS


def test_a_frequent_word_is_met_among_the_newest_messages(ann):
    before = rows_read("chat_message")
    assert len(search_messages(ann, Search("number"))["results"]) == PAGE_RESULTS
    # What is shown is read once more.
    assert rows_read("chat_message") - before <= 2 * PAGE_RESULTS + 10


def test_a_rare_word_is_found_by_the_index(ann, monkeypatch):
    """With millions of messages PostgreSQL would read them from the newest back."""
    monkeypatch.setattr(walking, "OF_ALL", 1000)
    before = rows_read("chat_message")
    assert len(search_messages(ann, Search("lighthouse"))["results"]) == 3
    assert rows_read("chat_message") - before <= 1000 + 20


def test_pruning_looks_at_old_notifications_only(ann):
    [seen] = [kind for kind in KINDS if isinstance(kind, Kind) and kind.name == "notifications"]
    before = rows_read("chat_notification")
    older = seen.older_than(timezone.now() - timedelta(minutes=MESSAGES - 100))
    assert 95 <= older.count() <= 100
    assert rows_read("chat_notification") - before <= 200


def test_pruning_does_not_read_the_days_of_activity_that_stay():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chat_activitycount (span, starts_at, chat_id, user_id, messages)"
            " SELECT 'day', now() - interval '1 day' * n, 1, 1, 1 FROM generate_series(1, 9999) n"
        )
        cursor.execute("ANALYZE chat_activitycount")
    old = timezone.now() - timedelta(days=8)
    ActivityCount.objects.create(span="minute", starts_at=old, chat_id=1, user_id=1, messages=1)
    before = rows_read("chat_activitycount")
    [minutes] = [kind for kind in KINDS if kind.name == "activity_minutes"]
    assert list(minutes.prune(timezone.now())) == [1]
    assert rows_read("chat_activitycount") - before <= 20


@pytest.fixture
def crowd() -> None:
    """8,000 people."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chat_user (username, display_name, password, is_superuser, first_name,"
            " last_name, email, is_staff, is_active, date_joined, language, is_bot,"
            " shares_reading, shares_presence)"
            " SELECT 'person' || n, md5(n::text), '!', false, '', '', '', false, true, now(), '',"
            " false, true, true FROM generate_series(1, 8000) AS n"
        )
        cursor.execute("ANALYZE chat_user")


# Those that one begins so, those whom one meets at once, those who are far back, and nobody.
@pytest.mark.parametrize("words", ["person77", "erson", "rson7999", "nobody"])
def test_finding_people_does_not_read_all_of_them(crowd, words):
    ann = people.make_person("ann")
    before = rows_read("chat_user")
    found = find_people(ann, words)
    assert rows_read("chat_user") - before <= READ_BY_NAME + 300
    assert len(found) == {"rson7999": 1, "nobody": 0}.get(words, 20)
