"""Which rows have expired, and how they are removed: in small steps, oldest first.

Messages, the audit log and the days of activity stay for good. Unfinished rows (a waiting event, an
open dead letter or report, an unseen notification) also stay, whatever their age.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from chat.models import ActivityCount, Attachment, MinuteFigures, Notification, Report
from chat.services.attachments import delete_attachments, remove_files, stray_files
from messaging.models import DeadLetter, HandledEvent, OutboxEvent
from messaging.operating.ids_by_time import first_id_since

Span = ActivityCount.Span
Status = OutboxEvent.Status
STEP = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` is its key in settings.KEPT_DAYS, and what `prune --json` prints: a contract."""

    name: str
    title: str
    older_than: Callable[[datetime], QuerySet[Any]]
    remove: Callable[[QuerySet[Any]], object] = lambda rows: rows.delete()
    # An indexed column that finds the oldest ones. By their ids PostgreSQL would read all rows
    # that stay, where it finds none.
    oldest_by: str = "pk"

    def due(self, now: datetime) -> QuerySet[Any]:
        kept = timedelta(days=settings.KEPT_DAYS[self.name])
        return self.older_than(now - kept).order_by(self.oldest_by)

    def count(self, now: datetime) -> int:
        return self.due(now).count()

    def prune(self, now: datetime) -> Iterator[int]:
        """How many are gone so far, after each step: each is a transaction of its own."""
        gone = 0
        due = self.due(now)
        rows = self._first(due)
        while rows:
            with transaction.atomic():
                self.remove(due.filter(pk__in=[pk for _, pk in rows]))
            gone += len(rows)
            yield gone
            # Not over what is gone again: its places in the index stay for a while.
            rows = self._first(due.filter(**{f"{self.oldest_by}__gte": rows[-1][0]}))

    def _first(self, due: QuerySet[Any]) -> list[tuple[Any, int]]:
        return list(due.values_list(self.oldest_by, "pk")[:STEP])


class StrayFiles:
    """Files of uploads that have no row."""

    name = "stray_files"
    title = "files without an upload"

    def _found(self, now: datetime) -> Iterator[list[str]]:
        return stray_files(now - timedelta(days=settings.KEPT_DAYS[self.name]))

    def count(self, now: datetime) -> int:
        return sum(len(names) for names in self._found(now))

    def prune(self, now: datetime) -> Iterator[int]:
        gone = 0
        for names in self._found(now):
            remove_files(names)
            gone += len(names)
            yield gone


def _minutes(moment: datetime) -> QuerySet[ActivityCount]:
    return ActivityCount.objects.filter(span=Span.MINUTE, starts_at__lt=moment)


def _hours(moment: datetime) -> QuerySet[ActivityCount]:
    return ActivityCount.objects.filter(span=Span.HOUR, starts_at__lt=moment)


def _handled_events(moment: datetime) -> QuerySet[HandledEvent]:
    """Not those of an event that some group has still to handle: in embedded mode it would be
    handled twice."""
    # Looked up for one row after the other: with a join PostgreSQL, which expects none to wait,
    # compares each row with all that do.
    event = OutboxEvent.objects.filter(event_id=OuterRef("event_id")).values("status")
    handled = HandledEvent.objects.alias(status=Coalesce(Subquery(event), Status.PUBLISHED))
    end = first_id_since(HandledEvent, "handled_at", moment)
    return handled.exclude(status=Status.WAITING).filter(pk__lt=end, handled_at__lt=moment)


def _events(moment: datetime) -> QuerySet[OutboxEvent]:
    done = [Status.PUBLISHED, Status.CANCELLED]
    end = first_id_since(OutboxEvent, "created_at", moment)
    return OutboxEvent.objects.filter(status__in=done, pk__lt=end, created_at__lt=moment)


def _letters(moment: datetime) -> QuerySet[DeadLetter]:
    """With the bytes that they hold: what people wrote, mostly."""
    done = [DeadLetter.Status.RETRIED, DeadLetter.Status.DISCARDED]
    return DeadLetter.objects.filter(status__in=done, closed_at__lt=moment)


def _seen(moment: datetime) -> QuerySet[Notification]:
    """None is seen before it is made, so all of them are among the old ids."""
    end = first_id_since(Notification, "created_at", moment)
    return Notification.objects.filter(pk__lt=end, seen_at__lt=moment)


def _figures(moment: datetime) -> QuerySet[MinuteFigures]:
    return MinuteFigures.objects.filter(at__lt=moment)


KINDS: tuple[Kind | StrayFiles, ...] = (
    Kind("activity_minutes", "minutes of activity", _minutes, oldest_by="starts_at"),
    Kind("activity_hours", "hours of activity", _hours, oldest_by="starts_at"),
    Kind("figures", "minutes of the staff's charts", _figures),
    Kind("handled_events", "handled events", _handled_events),
    Kind("outbox", "published events of the outbox", _events),
    Kind("dead_letters", "closed dead letters", _letters),
    Kind(
        "uploads",
        "unsent uploads, with their files",
        Attachment.objects.unused_since,
        delete_attachments,
    ),
    StrayFiles(),
    Kind("notifications", "seen notifications", _seen),
    Kind(
        "reports",
        "closed reports, with the text they kept",
        Report.objects.closed_before,
    ),
)
