"""Outages are quiet: one line when one begins, one with its figures when it is over.

Whoever needs something that may be away tells its outage of each failure and of each success; the
rest is decided here, for all threads of the process together.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)


class Outage:
    """Of one thing that this process needs.

    It is over with the first success that comes `calm_seconds` after the last failure: those who
    find a dead connection late, and those for whom it works by halves, make no outage of their own.
    """

    def __init__(
        self,
        what: str,
        *,
        calm_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._calm_seconds = calm_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._began_at = 0.0
        self.failed_at = float("-inf")  # by the clock
        self._why = ""

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
        logger.warning("%s is away: %s", self._what, why)

    def worked(self) -> None:
        """Costs next to nothing while there is no outage."""
        if not self._failures:
            return
        with self._lock:
            if not self._failures or self._clock() - self.failed_at < self._calm_seconds:
                return
            failures, self._failures = self._failures, 0
            seconds = round(self.failed_at - self._began_at, 1)
        logger.warning(
            "%s is back", self._what, extra={"away_seconds": seconds, "failures": failures}
        )

    def why_lately(self, seconds: float) -> str:
        """What the last failure said, when it was so lately; otherwise empty."""
        is_lately = self.is_going_on and self._clock() - self.failed_at <= seconds
        return self._why if is_lately else ""

    def forget(self) -> None:
        """As if there had been none: for tests."""
        self._failures, self.failed_at = 0, float("-inf")


# Longer than its users wait between two tries: relay, consumer, webhooks, and the browsers.
DATABASE: Final = Outage("The database", calm_seconds=5.0)
# A breaker closes with the first success; a reader waits a second before it joins its group again.
KAFKA: Final = Outage("Kafka", calm_seconds=0.5)
# Cache and limits leave it alone for 10 s after a failure, the layer for up to 5 s.
REDIS: Final = Outage("Redis", calm_seconds=12.0)
ALL: Final = (DATABASE, KAFKA, REDIS)
