"""Takes the outbox to the bus: one relay for a key, in order, marking only what was acknowledged.

The step between commit and topic. Runs in a thread of its own; no sender ever waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, connection, transaction
from django.dispatch import Signal

from messaging.away import DatabaseAwayError, DatabaseUnavailableError
from messaging.bus.retry import RetryPolicy
from messaging.contract.records import RecordPosition
from messaging.describing import describe, frames, names_of
from messaging.errors import CircuitOpenError, MessagingError, PermanentError, ShuttingDownError
from messaging.models import OutboxEvent
from messaging.outages import KAFKA
from messaging.outbox.holds import Failed, Holds
from messaging.outbox.relay_lock import Alarm, RelayLock
from messaging.outbox.relay_state import StateReport
from messaging.outbox.rows import (
    Lane,
    OutboxRow,
    mark_failed,
    mark_published,
    mark_set_aside,
    read_waiting,
)
from messaging.outbox.shards import Shards
from messaging.outbox.target import Result, Target

logger = logging.getLogger(__name__)

# Sent in the transaction that marks rows, so that both are known or neither is; receivers run in
# the relay's thread. Argument: `rows`.
published = Signal()
# Rows that can never go out. Argument: `impossible`, pairs of a row and its error.
set_aside = Signal()

BATCH_SIZE = 1000
SWEEP_SECONDS = 5.0
LOCK_SECONDS = 0.5  # between tries for the lock: a dead relay's successor begins within that time
GATHER_SECONDS = 0.05  # rounds begin at least that far apart, so that small commits share one


@dataclass(slots=True)
class Sorted:
    """The outcome of a round's rows."""

    published: list[tuple[OutboxRow, RecordPosition | None]] = field(default_factory=list)
    impossible: list[tuple[OutboxRow, Exception]] = field(default_factory=list)
    failed: dict[Lane, tuple[OutboxRow, Exception]] = field(default_factory=dict)

    @property
    def errors(self) -> list[Exception]:
        return [error for _, error in self.failed.values()]

    @property
    def open_circuit(self) -> CircuitOpenError | None:
        return next((error for error in self.errors if isinstance(error, CircuitOpenError)), None)


def sort_results(rows: Sequence[OutboxRow], results: Sequence[Result]) -> Sorted:
    """Note [Order within a key]: after a row that failed, nothing with its key counts as published,
    even if it was acknowledged; it is sent again, in order, and recognised by its event id."""
    outcome = Sorted()
    for row, result in zip(rows, results, strict=True):
        if row.lane in outcome.failed:
            continue
        if isinstance(result, PermanentError):
            outcome.impossible.append((row, result))
        elif isinstance(result, Exception):
            outcome.failed[row.lane] = (row, result)
        else:
            outcome.published.append((row, result))
    return outcome


class Relay:
    """`run` until `stop`. Target, lock and clock are passed in."""

    def __init__(
        self,
        target: Target,
        lock: RelayLock,
        *,
        batch_size: int = BATCH_SIZE,
        sweep_seconds: float = SWEEP_SECONDS,
        gather_seconds: float = GATHER_SECONDS,
        retry: RetryPolicy | None = None,
        on_turn: Callable[[], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._lock = lock
        self._batch_size = batch_size
        self._sweep_seconds = sweep_seconds
        self._gather_seconds = gather_seconds
        self._retry = retry or RetryPolicy(initial_seconds=0.2)
        self._on_turn = on_turn
        self._clock = clock
        self._alarm = Alarm()
        self._stopping = threading.Event()
        self._holds = Holds(self._retry, clock)
        self._report = StateReport(target, clock)
        self.has_lock = False
        self._told_shards: Shards = ()

    @property
    def published_count(self) -> int:
        """Since the start."""
        return self._report.published

    @property
    def shards(self) -> int:
        return len(self._lock.shards) if self.has_lock else 0

    @property
    def held(self) -> int:
        return len(self._holds)

    @property
    def breaker(self) -> str:
        return self._target.breaker_state()

    def wake(self, **_signal: object) -> None:
        """From any thread; also a receiver of `outbox_recorded`."""
        self._alarm.ring()

    def stop(self) -> None:
        """The running round is finished, then `run` returns."""
        self._stopping.set()
        self._alarm.ring()

    def run(self) -> None:
        failures = 0
        try:
            while not self._stopping.is_set():
                try:
                    if self._on_turn:
                        self._on_turn()
                    self._step()
                    failures = 0
                except ShuttingDownError:
                    break
                except (MessagingError, DatabaseError) as error:
                    failures += 1
                    self._recover(error, failures)
                except Exception as error:  # noqa: BLE001  the road to the bus outlives any fault
                    failures += 1
                    logger.error("The relay failed", extra={"frames": frames(error)})
                    self._recover(error, failures)
        finally:
            self.close()
            connection.close()

    def close(self) -> None:
        """`run` does it at its end."""
        self._report.stop()
        self._lock.release()
        self._alarm.close()

    def run_round(self) -> int:
        """Delivers at most one batch; returns how many rows it took."""
        rows = read_waiting(
            limit=self._batch_size,
            held=self._holds.lanes(),
            held_topics=self._holds.topics(),
            shards=self._lock.shards,
        )
        if len(rows) < self._batch_size:
            self._holds.forget_idle(rows)
        if not rows:
            return 0
        outcome = sort_results(rows, self._target.deliver(rows))
        with transaction.atomic():
            mark_published(outcome.published)
            self._set_aside(outcome.impossible)
            self._holds.release(row for row, _ in outcome.published)
            if outcome.open_circuit is None:
                self._hold(outcome.failed)
            self._announce([row for row, _ in outcome.published])
        self._report.note(len(outcome.published), [*self._holds.errors(), *outcome.errors])
        if outcome.open_circuit is not None:
            self._rest(max(outcome.open_circuit.retry_after_seconds, 0.1))
        elif self._holds.are_too_many:
            self._rest(min(self._holds.seconds_left()))
        return len(rows)

    def _step(self) -> None:
        """One attempt to get the lock, or one round and the wait after it."""
        if not self._has_share():
            return self._alarm.wait(LOCK_SECONDS)
        began_at = self._clock()
        # First of all after a failure: what cannot be marked would be sent again and again.
        self._report.save_when_due(self._lock.shards)
        count = self.run_round()
        self._report.save_when_due(self._lock.shards)
        if count < self._batch_size and not self._stopping.is_set():
            if not count:
                self._lock.wait(self._alarm, self._idle_seconds())
            self._stopping.wait(max(0.0, began_at + self._gather_seconds - self._clock()))
        return None

    def _has_share(self) -> bool:
        """Whether there are shards whose rows this relay takes; which may be others than before."""
        before = self._lock.shards if self.has_lock else ()
        if self.has_lock:
            self.has_lock = self._lock.confirm()
        else:
            self.has_lock = self._lock.acquire() and self._lock.confirm()
        if self.has_lock and self._lock.shards != before:
            self._holds.clear()
        if self.has_lock and self._lock.shards != self._told_shards:
            self._told_shards = self._lock.shards
            logger.info(
                "This relay is active now",
                extra={"bus": self._target.bus, "shards": len(self._lock.shards)},
            )
        return self.has_lock

    def _idle_seconds(self) -> float:
        return max(0.01, min([self._sweep_seconds, *self._holds.seconds_left()]))

    def _rest(self, seconds: float) -> None:
        """New events do not cut it short: they cannot go anywhere yet."""
        self._report.save_when_due(self._lock.shards)
        self._stopping.wait(max(seconds, 0))

    def _recover(self, error: Exception, failures: int) -> None:
        """After a failure of the database or the relay itself: starts from the beginning."""
        if failures == 1 and not isinstance(error, DatabaseAwayError):
            logger.warning("The relay waits: %s", describe(error))
        self._lock.release()
        self.has_lock = False
        self._report.make_due()
        connection.close()
        self._stopping.wait(self._retry.wait_seconds(failures, longest_seconds=2.0))

    def _set_aside(self, impossible: Sequence[tuple[OutboxRow, Exception]]) -> None:
        for row, error in impossible:
            mark_set_aside(row, describe(error))
            logger.error("Set aside: %s", describe(error), extra=names_of(row))
        if impossible:
            set_aside.send(sender=OutboxEvent, impossible=impossible)

    def _hold(self, failed: Failed) -> None:
        fresh = self._holds.add(failed)
        by_reason: dict[str, list[OutboxRow]] = defaultdict(list)
        for row, error in failed.values():
            by_reason[describe(error)].append(row)
        for reason, rows in by_reason.items():
            mark_failed(rows, reason)
            self._tell_held(reason, [row for row in rows if row.lane in fresh])

    def _tell_held(self, reason: str, rows: Sequence[OutboxRow]) -> None:
        """Once of each key; of none while Kafka is away, which has been said."""
        if rows and not KAFKA.is_going_on:
            logger.warning("Held back, %d keys: %s", len(rows), reason, extra=names_of(rows[0]))

    def _announce(self, rows: Sequence[OutboxRow]) -> None:
        if not rows:
            return
        try:
            with transaction.atomic():  # a receiver that fails undoes its own work only
                published.send(sender=OutboxEvent, rows=rows)
        except DatabaseUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001  what is on the bus is on the bus
            logger.error(
                "A receiver of the signal `published` failed: %s",
                describe(error),
                extra={"frames": frames(error)},
            )
