"""Gives a handler's events to its projection again, while the handler itself keeps running.

Note [What counts as handled]: a projection must end with exactly the events that the handler has
had. It has had an event that is recorded as handled, or one that the group has passed and that is
not among the dead letters (handled events are pruned in time, offsets are not). Events after the
swap are added to the new rows by the handler itself. See docs/decisions/0006.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from messaging.contract.events import Event
from messaging.errors import MessagingError, PermanentError
from messaging.handling.projections import Projection
from messaging.models import DeadLetter, HandledEvent
from messaging.replay.seen_events import SeenEvents, seen_events
from messaging.replay.sources import ReplaySource
from messaging.signals import Operator, operated

logger = logging.getLogger(__name__)

CALM_SECONDS = 1.0  # a pass that took less leaves little for the last one, during which all wait
MAX_PASSES = 6
# Handlers have the events of a partition in order. So many in a row that were not handled, behind
# what the group has committed: the rest has none either.
UNHANDLED_IN_A_ROW = 2000


class ReplayStoppedError(MessagingError):
    """Raised when it was told to stop: nothing has changed."""


class IncompleteSourceError(PermanentError):
    """Raised when older events are gone, and with the swap their rows would be."""

    def __init__(self, complete_since: datetime) -> None:
        super().__init__(f"Only events since {complete_since:%Y-%m-%d %H:%M} UTC are still there.")
        self.complete_since = complete_since


@dataclass(slots=True)
class Replayed:
    """`kafka_replay --json` prints these names: they are a contract."""

    group: str
    handler: str
    since: datetime | None
    events_read: int = 0
    events_applied: int = 0
    rows_changed: int = 0
    passes: int = 0
    seconds: float = 0.0


class GroupReplay:
    """One replay of one handler. `run` once."""

    def __init__(
        self,
        projection: Projection,
        source: ReplaySource,
        outcome: Replayed,
        *,
        actor: Operator,
        is_stopped: Callable[[], bool] = lambda: False,
        on_progress: Callable[[int], object] = lambda read: None,
    ) -> None:
        self._projection = projection
        self._source = source
        self._outcome = outcome
        self._actor = actor
        self._is_stopped = is_stopped
        self._on_progress = on_progress
        self._set_aside: list[Event] = []
        self._in_a_row: dict[tuple[str, int], int] = {}

    def run(self) -> Replayed:
        """Raises ReplayStoppedError, or whatever went wrong: then what is there is as it was."""
        began_at = time.monotonic()
        with seen_events() as seen:
            self._projection.begin()
            try:
                self._catch_up(seen)
                with transaction.atomic():
                    self._swap(seen)
            finally:
                self._discard()
        self._outcome.seconds = round(time.monotonic() - began_at, 1)
        logger.info("A handler's events were replayed", extra={"handler": self._outcome.handler})
        return self._outcome

    def _catch_up(self, seen: SeenEvents) -> None:
        for _ in range(MAX_PASSES):
            began_at = time.monotonic()
            self._pass(seen, is_last=False)
            if time.monotonic() - began_at < CALM_SECONDS:
                return

    def _swap(self, seen: SeenEvents) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 0")
        self._projection.lock()
        self._pass(seen, is_last=True)
        # Some of the dead letters may have been replayed meanwhile.
        self._apply(list(self._set_aside), seen)
        self._outcome.rows_changed = self._projection.swap()
        outcome = self._outcome
        operated.send(
            sender=GroupReplay,
            action="handler.replayed",
            target=("handler", outcome.handler),
            details={
                "group": outcome.group,
                "since": outcome.since.isoformat() if outcome.since else None,
                "events": outcome.events_applied,
                "rows_changed": outcome.rows_changed,
            },
            actor=self._actor,
        )

    def _pass(self, seen: SeenEvents, *, is_last: bool) -> None:
        self._outcome.passes += 1
        self._in_a_row.clear()
        for events in self._source.read(is_last=is_last):
            if self._is_stopped():
                raise ReplayStoppedError("Stopped. Nothing has changed.")
            self._outcome.events_read += len(events)
            self._apply(events, seen, may_skip=self._outcome.passes > 1)
            self._on_progress(self._outcome.events_read)

    def _apply(self, events: Sequence[Event], seen: SeenEvents, *, may_skip: bool = False) -> None:
        handled = self._handled(events, may_skip=may_skip)
        with transaction.atomic():
            new = seen.take_new(handled)
            if new:
                self._projection.apply(new)
        self._outcome.events_applied += len(new)

    def _handled(self, events: Sequence[Event], *, may_skip: bool) -> list[Event]:
        """See Note [What counts as handled]."""
        had = self._handled_of(events)
        passed = [e for e in events if e.event_id not in had and self._source.is_passed(e)]
        dead = {e.event_id for e in self._dead(passed)}
        self._set_aside += [e for e in passed if e.event_id in dead]
        had |= {e.event_id for e in passed} - dead
        if may_skip:
            self._skip_what_cannot_be_handled(events, had | dead)
        return [e for e in events if e.event_id in had]

    def _handled_of(self, events: Sequence[Event]) -> set[object]:
        return set(
            HandledEvent.objects.filter(
                event_id__in=[event.event_id for event in events],
                group=self._outcome.group,
                handler=self._outcome.handler,
            ).values_list("event_id", flat=True)
        )

    def _dead(self, events: Sequence[Event]) -> list[Event]:
        """Set aside by this handler, or before any handler."""
        if not events:
            return []
        offsets = [event.position.offset for event in events if event.position]
        letters = DeadLetter.objects.filter(
            Q(handler=self._outcome.handler, event_id__in=[event.event_id for event in events])
            | Q(handler="", offset__in=offsets),
            group=self._outcome.group,
            status__in=[DeadLetter.Status.OPEN, DeadLetter.Status.DISCARDED],
        ).values_list("event_id", "topic", "partition", "offset")
        found = list(letters)
        ids = {event_id for event_id, *_ in found}
        places = {(topic, partition, offset) for _, topic, partition, offset in found}
        return [e for e in events if e.event_id in ids or _place_of(e) in places]

    def _skip_what_cannot_be_handled(self, events: Sequence[Event], done: set[object]) -> None:
        for event in events:
            if event.position is None:
                continue
            part = (event.position.topic, event.position.partition)
            count = 0 if event.event_id in done else self._in_a_row.get(part, 0) + 1
            self._in_a_row[part] = count
            if count == UNHANDLED_IN_A_ROW:
                self._source.skip_rest(event)

    def _discard(self) -> None:
        """The connection may be what has failed; the next replay begins by discarding."""
        if connection.is_usable():
            self._projection.discard()


def _place_of(event: Event) -> tuple[str, int, int] | None:
    position = event.position
    return (position.topic, position.partition, position.offset) if position else None


def check_complete(source: ReplaySource, projection: Projection, since: datetime | None) -> None:
    """Raises IncompleteSourceError, with the moment from which on a replay loses nothing."""
    if projection.is_additive:
        return
    complete_since = source.complete_since()
    is_older = since is None or since < complete_since
    if is_older and projection.tells_of_before(complete_since):
        raise IncompleteSourceError(complete_since)
