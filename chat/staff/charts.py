"""Charts of the last hour, day, week or month, drawn here as SVG: each is also a table, and a file.

A page gets points and paths; nothing is computed in the browser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from chat.models import MinuteFigures

WIDTH, HEIGHT = 720, 120  # of the lines, in the units of the drawing
Value = float | None


@dataclass(frozen=True, slots=True)
class Span:
    name: str
    title: Any
    length: timedelta
    step: timedelta  # of one point


SPANS: Final[Mapping[str, Span]] = {
    span.name: span
    for span in (
        Span("1h", _("1 hour"), timedelta(hours=1), timedelta(minutes=1)),
        Span("24h", _("24 hours"), timedelta(hours=24), timedelta(minutes=15)),
        Span("7d", _("7 days"), timedelta(days=7), timedelta(hours=2)),
        Span("30d", _("30 days"), timedelta(days=30), timedelta(hours=8)),
    )
}
FIRST: Final = SPANS["1h"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A column of `MinuteFigures`, for those who may see what it is of."""

    field: str
    title: Any
    permission: str


# In the order in which one looks when something is wrong.
KINDS: Final = (
    Kind("messages", _("Messages a minute"), "chat.view_chat"),
    Kind("people", _("People connected"), "chat.view_chat"),
    Kind("outbox_waiting", _("Waiting in the outbox"), "messaging.view_outboxevent"),
    Kind("outbox_oldest_seconds", _("The oldest in it, s"), "messaging.view_outboxevent"),
    Kind("lag_seconds", _("Consumers behind, s"), "messaging.view_consumerstate"),
    Kind("dead_letters", _("Dead letters"), "messaging.view_deadletter"),
)


@dataclass(frozen=True, slots=True)
class Point:
    at: datetime
    value: Value


@dataclass(frozen=True, slots=True)
class Chart:
    """`points`: one for each step of the span, the oldest first; None where nothing is known."""

    kind: Kind
    span: Span
    points: Sequence[Point]

    @property
    def top(self) -> float:
        """The value at the upper edge: 1, 2 or 5 times a power of ten."""
        highest = max(self.known, default=0.0)
        step = 1.0
        while True:
            for factor in (1, 2, 5):
                if highest <= factor * step:
                    return factor * step
            step *= 10

    @property
    def known(self) -> list[float]:
        return [point.value for point in self.points if point.value is not None]

    @property
    def latest(self) -> Value:
        return self.points[-1].value if self.points else None

    @property
    def highest(self) -> Value:
        return max(self.known, default=None)

    @property
    def path(self) -> str:
        """The `d` of its line, with a gap where nothing is known; a single point is a dot."""
        wide = WIDTH / max(1, len(self.points) - 1)
        drawn, is_down = [], False
        for number, point in enumerate(self.points):
            if point.value is None:
                is_down = False
                continue
            x, y = number * wide, HEIGHT - point.value / self.top * HEIGHT
            drawn.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}" + ("" if is_down else "h0"))
            is_down = True
        return "".join(drawn)

    @property
    def began(self) -> str:
        return self._shown(self.points[0].at)

    @property
    def ended(self) -> str:
        return self._shown(self.points[-1].at)

    @property
    def rows(self) -> Iterator[tuple[str, Value]]:
        """What is known, the newest first."""
        for point in reversed(self.points):
            if point.value is not None:
                yield self._shown(point.at), point.value

    def _shown(self, moment: datetime) -> str:
        form = "TIME_FORMAT" if self.span.length <= timedelta(days=1) else "SHORT_DATETIME_FORMAT"
        return date_format(timezone.localtime(moment), form)


def span_named(name: str | None) -> Span:
    return SPANS.get(name or "", FIRST)


def kinds_for(person: AbstractBaseUser | AnonymousUser) -> list[Kind]:
    return [kind for kind in KINDS if person.has_perm(kind.permission)]  # type: ignore[union-attr]


def draw_charts(kinds: Sequence[Kind], span: Span, now: datetime) -> list[Chart]:
    """None where there is nothing to show yet."""
    steps = list(_steps(span, now))
    fields = [kind.field for kind in kinds]
    rows = MinuteFigures.objects.filter(at__gt=steps[0] - span.step).order_by("at")
    found: dict[datetime, list[list[Value]]] = {}
    for at, *values in rows.values_list("at", *fields):
        found.setdefault(_step_of(at, span), []).append(values)
    return [
        Chart(kind, span, [Point(at, _joined(kind, place, found.get(at, []))) for at in steps])
        for place, kind in enumerate(kinds)
        if found
    ]


def _joined(kind: Kind, place: int, rows: Sequence[Sequence[Value]]) -> Value:
    """Messages: the mean. Everything else: the worst, which a mean would hide."""
    known = [value for row in rows if (value := row[place]) is not None]
    if not known:
        return None
    joined = sum(known) / len(known) if kind.field == "messages" else max(known)
    return int(joined) if joined == int(joined) else round(joined, 1)


def _steps(span: Span, now: datetime) -> Iterator[datetime]:
    """The ends of all steps, up to the one that goes on now."""
    last = _step_of(now.replace(second=0, microsecond=0), span)
    for number in range(span.length // span.step - 1, -1, -1):
        yield last - number * span.step


def _step_of(minute: datetime, span: Span) -> datetime:
    """The end of the step in which the minute lies, counted from the epoch."""
    step = int(span.step.total_seconds())
    seconds = -(-int(minute.timestamp()) // step) * step
    return datetime.fromtimestamp(seconds, tz=minute.tzinfo)
