"""The minutes, hours and days by which messages are counted. All times are in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chat.models.activity import ActivityBase

Span = ActivityBase.Span
LENGTHS = {
    Span.MINUTE: timedelta(minutes=1),
    Span.HOUR: timedelta(hours=1),
    Span.DAY: timedelta(days=1),
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def start_of(span: Span, moment: datetime) -> datetime:
    """The beginning of the minute, hour or day that `moment` is in."""
    moment = moment.astimezone(UTC)
    return moment - (moment - EPOCH) % LENGTHS[span]
