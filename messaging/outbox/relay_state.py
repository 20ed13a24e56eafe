"""What the running relay reports about itself, for other processes to read. Never holds it up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from django.db import DatabaseError

from messaging.describing import describe
from messaging.models import RelayState
from messaging.outbox.shards import Shards
from messaging.outbox.target import Target
from messaging.process_report import ProcessReport


class StateReport:
    """Saved every few seconds, and at once when the breaker or the number of shards changes."""

    def __init__(self, target: Target, clock: Callable[[], float]) -> None:
        self._target = target
        self._report = ProcessReport(RelayState, "outbox", clock=clock)
        self._last_error = ""
        self.published = 0

    def note(self, published: int, errors: Iterable[Exception]) -> None:
        """Of a round: how many went out, and the errors of everything that waits now, of which the
        first is told."""
        self.published += published
        self._last_error = next((describe(error) for error in errors), "")

    def make_due(self) -> None:
        self._report.make_due()

    def save_when_due(self, shards: Shards) -> None:
        breaker = self._target.breaker_state()
        if not self._report.is_due((breaker, len(shards))):
            return
        self._report.tell(
            says=(breaker, len(shards)),
            done=self.published,
            bus=self._target.bus,
            shards=len(shards),
            breaker=breaker,
            last_error=self._last_error,
        )

    def stop(self) -> None:
        with contextlib.suppress(DatabaseError):
            self._report.stop()
