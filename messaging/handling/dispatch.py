"""Passes events to the handlers of one group: effects and handled events in one transaction.

A whole batch at once when all goes well; otherwise smaller pieces, down to one event and one
handler. It does not know where events come from: a lane is whatever must stay in order (a
partition; in embedded mode a key).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from django.db import connection, transaction

from messaging.away import DatabaseBusyError, DatabaseUnavailableError
from messaging.bus.retry import RetryPolicy
from messaging.contract.events import Event
from messaging.describing import describe, names_of
from messaging.errors import MessagingError, PermanentError, RetryableError
from messaging.handling.handled import claim
from messaging.handling.registry import Handler, Registry
from messaging.lock_waits import limit_lock_waits
from messaging.measures import HANDLER_FAILURES, HANDLER_SECONDS

logger = logging.getLogger(__name__)

Lane = TypeVar("Lane", bound=Hashable)

ATTEMPTS = 5
RETRIES = RetryPolicy(initial_seconds=0.2)
LONGEST_WAIT_SECONDS = 5.0
# What somebody else has locked for longer is tried again later: the other lanes go on meanwhile.
LOCK_MILLISECONDS = 200


class Letters(Protocol):
    """Where events that a handler cannot process go."""

    def holds(self, event: Event, handler: str) -> bool: ...

    def add(self, event: Event, handler: str, error: Exception, *, attempts: int) -> None:
        """Raises RetryableError when that cannot be done now."""

    def note_success(self, handlers: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a lane has got: `done` of its events, and when the next one may be tried again."""

    done: int
    retry_in_seconds: float | None = None

    @property
    def is_blocked(self) -> bool:
        return self.retry_in_seconds is not None


@dataclass(slots=True)
class _Piece:
    events: Sequence[Event]
    has_failed: bool = False
    is_first_half: bool = False

    def halves(self) -> list[_Piece]:
        """The one to take first is the last."""
        middle = len(self.events) // 2
        return [_Piece(self.events[middle:]), _Piece(self.events[:middle], is_first_half=True)]


def is_away(error: Exception) -> bool:
    """Whether a dependency of the handler is down or refuses: never the event's fault."""
    return isinstance(error, MessagingError) and not isinstance(error, PermanentError)


def concerns_all_lanes(error: Exception) -> bool:
    """All need the database. That somebody has locked a row concerns one, except on SQLite, which
    has one lock for everything."""
    is_one_lock = isinstance(error, DatabaseBusyError) and connection.features.has_select_for_update
    return isinstance(error, DatabaseUnavailableError) and not is_one_lock


class Dispatcher:
    """Used by one thread; remembers how often an event has failed."""

    def __init__(
        self,
        registry: Registry,
        group: str,
        *,
        letters: Letters,
        attempts: int = ATTEMPTS,
        retries: RetryPolicy = RETRIES,
    ) -> None:
        self._registry = registry
        self._group = group
        self._letters = letters
        self._attempts_limit = attempts
        self._retries = retries
        self._failures: dict[tuple[UUID, str], int] = {}
        self._waits: dict[UUID, int] = {}

    def process(self, lanes: Mapping[Lane, Sequence[Event]]) -> dict[Lane, Progress]:
        """Handles what can be handled, each lane in order.

        Raises DatabaseUnavailableError, see `concerns_all_lanes`: whatever was committed before
        stays, and is recognised when it comes again.
        """
        try:
            return self._process(lanes)
        except DatabaseUnavailableError:
            connection.close_if_unusable_or_obsolete()
            raise

    def _process(self, lanes: Mapping[Lane, Sequence[Event]]) -> dict[Lane, Progress]:
        all_events = [event for events in lanes.values() for event in events]
        if not self._has_failed(all_events) and self._succeeds(all_events):
            return {lane: Progress(len(events)) for lane, events in lanes.items()}
        has_failed = len(lanes) == 1
        return {
            lane: self._advance(events, has_failed=has_failed) for lane, events in lanes.items()
        }

    def forget(self) -> None:
        """After a rebalance: others may have these events now."""
        self._failures.clear()
        self._waits.clear()

    def _has_failed(self, events: Sequence[Event]) -> bool:
        """Whether trying the whole is known to be pointless."""
        if not self._failures and not self._waits:
            return False
        failed = {event_id for event_id, _ in self._failures} | self._waits.keys()
        return any(event.event_id in failed for event in events)

    def _advance(self, events: Sequence[Event], *, has_failed: bool) -> Progress:
        """Note [Smaller pieces]: halves, the first one first, until one event stands alone; nothing
        after a failing event is touched before that event is finished."""
        done = 0
        pieces = [_Piece(events, has_failed=has_failed)]
        while pieces:
            piece = pieces.pop()
            if len(piece.events) <= 1:
                wait = self._handle_alone(piece.events[0]) if piece.events else None
                if wait is not None:
                    return Progress(done, wait)
            elif (
                piece.has_failed
                or self._has_failed(piece.events)
                or not self._succeeds(piece.events)
            ):
                pieces += piece.halves()
                continue
            elif piece.is_first_half:
                pieces[-1].has_failed = True  # the fault is in the other half
            done += len(piece.events)
        return Progress(done)

    def _succeeds(self, events: Sequence[Event]) -> bool:
        handlers = self._handlers(events)
        try:
            handle_once(events, handlers, group=self._group, lock_ms=LOCK_MILLISECONDS)
        except Exception as error:  # any fault of a handler: smaller pieces show whose and of what
            if concerns_all_lanes(error):
                raise
            logger.info("A batch of %d failed: %s", len(events), describe(error))
            return False
        self._letters.note_success(handler.name for handler in handlers)
        return True

    def _handle_alone(self, event: Event) -> float | None:
        """One transaction per handler: None when the event is done, else how long to wait."""
        waits = [self._handle_by(handler, event) for handler in self._handlers([event])]
        if any(wait is not None for wait in waits):
            return max(wait for wait in waits if wait is not None)
        self._waits.pop(event.event_id, None)
        return None

    def _handle_by(self, handler: Handler, event: Event) -> float | None:
        failures = self._failures.get((event.event_id, handler.name), 0)
        try:
            handle_once(
                [event],
                [handler],
                group=self._group,
                attempts=failures + 1,
                lock_ms=LOCK_MILLISECONDS,
            )
        except Exception as error:  # whatever a handler raises, others go on
            if concerns_all_lanes(error):
                raise
            if is_away(error):
                return self._wait(event, handler, error)
            return self._count(event, handler, error, failures + 1)
        self._failures.pop((event.event_id, handler.name), None)
        self._letters.note_success([handler.name])
        return None

    def _wait(self, event: Event, handler: Handler, error: Exception) -> float:
        """A dependency is down: no limit, and not the event's fault."""
        times = self._waits[event.event_id] = self._waits.get(event.event_id, 0) + 1
        wait = self._retries.wait_seconds(times, longest_seconds=LONGEST_WAIT_SECONDS)
        level = logging.WARNING if times == 1 else logging.DEBUG
        self._log(event, handler, error, f"waits {wait:.1f} s for what it needs", level=level)
        return wait

    def _count(
        self, event: Event, handler: Handler, error: Exception, failures: int
    ) -> float | None:
        """Counts against the event: retry after a wait; at the limit, a dead letter."""
        if failures == 1 and self._letters.holds(event, handler.name):
            return None  # it was set aside before, and has come again
        if failures < self._attempts_limit and not isinstance(error, PermanentError):
            self._failures[event.event_id, handler.name] = failures
            wait = self._retries.wait_seconds(failures, longest_seconds=LONGEST_WAIT_SECONDS)
            self._log(event, handler, error, f"is tried again in {wait:.1f} s")
            return wait
        try:
            self._letters.add(event, handler.name, error, attempts=failures)
        except RetryableError as obstacle:
            if concerns_all_lanes(obstacle):
                raise
            self._failures[event.event_id, handler.name] = failures - 1
            return self._wait(event, handler, obstacle)
        self._failures.pop((event.event_id, handler.name), None)
        return None

    def _handlers(self, events: Sequence[Event]) -> list[Handler]:
        topics = {event.topic for event in events}
        return [h for topic in sorted(topics) for h in self._registry.handlers(topic, self._group)]

    def _log(
        self,
        event: Event,
        handler: Handler,
        error: Exception,
        what: str,
        *,
        level: int = logging.WARNING,
    ) -> None:
        logger.log(
            level,
            "%s %s: %s",
            handler.name,
            what,
            describe(error),
            extra=names_of(event) | {"group": self._group, "handler": handler.name},
        )


def handle_once(
    events: Sequence[Event],
    handlers: Sequence[Handler],
    *,
    group: str,
    attempts: int = 1,
    lock_ms: int | None = None,
) -> None:
    """In one transaction: records the events as handled, and calls each handler with those it has
    not had.

    Handlers marked as last come after all others, whatever their topic. `lock_ms`: see
    `limit_lock_waits`.
    """
    by_topic: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_topic[event.topic].append(event)
    last: list[tuple[Handler, Sequence[Event]]] = []
    with transaction.atomic():
        if lock_ms is not None:
            limit_lock_waits(lock_ms)
        for topic, topic_events in by_topic.items():
            called = [handler for handler in handlers if handler.topic == topic]
            names = [handler.name for handler in called]
            if not names:
                continue
            fresh = claim(topic_events, group=group, handlers=names, attempts=attempts)
            for handler in called:
                if not fresh[handler.name]:
                    continue
                if handler.is_last:
                    last.append((handler, fresh[handler.name]))
                else:
                    _call(handler, fresh[handler.name])
        for handler, handler_events in last:
            _call(handler, handler_events)


def _call(handler: Handler, events: Sequence[Event]) -> None:
    failures = HANDLER_FAILURES.labels(handler.name)
    with HANDLER_SECONDS.labels(handler.name).time(), failures.count_exceptions():
        handler.handle(events)
