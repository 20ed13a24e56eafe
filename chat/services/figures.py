"""Writes down how things stand at the end of a minute; of all web processes the first one does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from chat.models import MinuteFigures, WebProcess
from messaging.models import OutboxEvent
from messaging.operating.ids_by_time import first_id_since
from messaging.operating.processes import ConsumerFigures, Unattended, alive
from messaging.operating.status import read_figures

MINUTE = timedelta(minutes=1)


def record_minute(now: datetime) -> None:
    """The minute that has just ended. Another process may have done so: then it changes nothing."""
    end = now.replace(second=0, microsecond=0)
    if MinuteFigures.objects.filter(at=end).exists():
        return
    bus = read_figures()
    row = MinuteFigures(
        at=end,
        messages=posted_between(end - MINUTE, end),
        people=sum(process.people for process in alive(WebProcess, now)),
        outbox_waiting=bus.outbox_waiting,
        outbox_oldest_seconds=bus.outbox_oldest_seconds,
        lag_seconds=worst_lag(bus.consumers, bus.unattended),
        dead_letters=bus.dead_letters,
    )
    MinuteFigures.objects.bulk_create([row], ignore_conflicts=True)


def posted_between(start: datetime, end: datetime) -> int:
    """By their events."""
    first, last = (first_id_since(OutboxEvent, "created_at", moment) for moment in (start, end))
    events = OutboxEvent.objects.filter(pk__gte=first, pk__lt=last, event_type="message.created")
    return events.count()


def worst_lag(
    consumers: Sequence[ConsumerFigures], unattended: Sequence[Unattended]
) -> float | None:
    """In seconds; None where nobody knows of any group."""
    known = [each.lag_seconds for each in consumers if each.lag_seconds is not None]
    known += [each.unread_seconds for each in unattended]
    return max(known, default=None)
