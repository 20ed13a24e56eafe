"""Rebuilds the results of the chat's handlers from their events.

See messaging/handling/projections.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from chat.audit.chain import Draft, append
from chat.audit.entries import draft_of_fact, draft_of_message
from chat.events.topics import MESSAGES_TOPIC
from chat.handlers.activity import count_messages
from chat.models import ActivityCount, ActivityShadow
from chat.reads.activity import LENGTHS, Span, start_of
from messaging.contract.events import Event

FIRST = datetime(1, 1, 1, tzinfo=UTC)
PLACE = ("span", "starts_at", "chat_id", "user_id")

# Only what differs is written: a replay that finds everything right changes no row.
TAKE_OVER = f"""
    INSERT INTO {ActivityCount._meta.db_table} (span, starts_at, chat_id, user_id, messages)
    SELECT span, starts_at, chat_id, user_id, messages FROM {ActivityShadow._meta.db_table}
    WHERE true
    ON CONFLICT (span, starts_at, chat_id, user_id) DO UPDATE SET messages = EXCLUDED.messages
    WHERE {ActivityCount._meta.db_table}.messages <> EXCLUDED.messages
"""  # noqa: S608  the models' own tables


class ActivityProjection:
    """Counts into a table of its own, whose rows then replace the others."""

    is_additive: ClassVar[bool] = False

    def __init__(self, since: datetime | None) -> None:
        self._since = since or FIRST

    @staticmethod
    def floor(moment: datetime) -> datetime:
        """Whole days: their rows are made of nothing else."""
        return start_of(Span.DAY, moment)

    def tells_of_before(self, moment: datetime) -> bool:
        is_before = Q()
        for span, length in LENGTHS.items():
            is_before |= Q(span=span, starts_at__lte=moment - length)
        return self._replaced().filter(is_before).exists()

    def begin(self) -> None:
        ActivityShadow.objects.all().delete()

    def apply(self, events: Sequence[Event]) -> None:
        count_messages([e for e in events if e.happened_at >= self._since], into=ActivityShadow)

    def lock(self) -> None:
        """On SQLite the transaction has the only right to write since its begin."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    f"LOCK TABLE {ActivityCount._meta.db_table} IN SHARE ROW EXCLUSIVE MODE"
                )

    def swap(self) -> int:
        counted = ActivityShadow.objects.filter(**{name: OuterRef(name) for name in PLACE})
        removed, _ = self._replaced().filter(~Exists(counted)).delete()
        with connection.cursor() as cursor:
            cursor.execute(TAKE_OVER)
            return removed + int(cursor.rowcount)

    def discard(self) -> None:
        self.begin()

    def _replaced(self) -> QuerySet[ActivityCount]:
        return ActivityCount.objects.filter(starts_at__gte=self._since)


class AuditProjection:
    """Adds what is missing and never changes anything: the log accepts each event once."""

    is_additive: ClassVar[bool] = True

    def __init__(self, since: datetime | None) -> None:
        self._added = 0

    @staticmethod
    def floor(moment: datetime) -> datetime:
        return moment

    def tells_of_before(self, moment: datetime) -> bool:
        return False  # nothing is taken away

    def begin(self) -> None:
        """There is nothing beside the log."""

    def apply(self, events: Sequence[Event]) -> None:
        self._added += append([_draft(event) for event in events])

    def lock(self) -> None:
        """The log has a lock of its own."""

    def swap(self) -> int:
        return self._added

    def discard(self) -> None:
        """What was added belongs there."""


def _draft(event: Event) -> Draft:
    return draft_of_message(event) if event.topic == MESSAGES_TOPIC else draft_of_fact(event)
