"""Outages are quiet: one line when one begins, one with its figures when it is over.

Whoever needs something that may be away tells its outage of each failure and of each success; the
rest is decided here, for all threads of the process together.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final

logger = logging.getLogger(__name__)

Later = Callable[[float, Callable[[], object]], object]


def call_later(seconds: float, call: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


class Outage:
    """Of one thing that this process needs.

    It is over when something has worked after the last failure, and `calm_seconds` have passed
    since: those who find a dead connection late, and those for whom it works by halves, make no
    outage of their own.
    """

    def __init__(
        self,
        what: str,
        *,
        calm_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        later: Later = call_later,
    ) -> None:
        self._what = what
        self._calm_seconds = calm_seconds
        self._clock = clock
        self._later = later
        self._lock = threading.Lock()
        self._failures = 0
        self._began_at = 0.0
        self.failed_at = float("-inf")  # by the clock
        self._why = ""
        self._ends_at_failures = 0  # with so many the end is on its way

    @property
    def is_going_on(self) -> bool:
        return self._failures > 0

    def failed(self, why: str) -> None:
        """`why`: a few words without anything secret."""
        with self._lock:
            self.failed_at, self._why = self._clock(), why
            self._failures += 1
            if self._failures > 1:
                return
            self._began_at = self.failed_at
        logger.warning("%s is unavailable: %s", self._what, why)

    def worked(self) -> None:
        """Costs next to nothing while there is no outage."""
        if not self._failures or self._ends_at_failures == self._failures:
            return
        with self._lock:
            failures = self._ends_at_failures = self._failures
            left = self.failed_at + self._calm_seconds - self._clock()
        if left > 0:
            self._later(left, partial(self._end, failures))
        else:
            self._end(failures)

    def _end(self, failures: int) -> None:
        with self._lock:
            if self._failures != failures or not failures:
                return
            self._failures = self._ends_at_failures = 0
            seconds = round(self.failed_at - self._began_at, 1)
        logger.warning(
            "%s is available again",
            self._what,
            extra={"unavailable_seconds": seconds, "failures": failures},
        )

    def why_lately(self, seconds: float) -> str:
        """What the last failure said, when it was so lately; otherwise empty."""
        is_lately = self.is_going_on and self._clock() - self.failed_at <= seconds
        return self._why if is_lately else ""

    def forget(self) -> None:
        """As if there had been none: for tests."""
        self._failures = self._ends_at_failures = 0
        self.failed_at = float("-inf")


# Each longer than its users wait between two tries: threads and processes try the database every
# few seconds, an open breaker lets one call to Kafka pass after 5 s, and a Redis that failed is
# left alone for up to 10 s.
DATABASE: Final = Outage("The database", calm_seconds=5.0)
KAFKA: Final = Outage("Kafka", calm_seconds=6.0)
REDIS: Final = Outage("Redis", calm_seconds=12.0)
ALL: Final = (DATABASE, KAFKA, REDIS)
