"""Stops calling a bus that keeps failing, and tries it again after a while.

Closed: calls pass. Open: they are refused at once. Half-open: one call passes as a test.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import StrEnum

from messaging.errors import CircuitOpenError

logger = logging.getLogger(__name__)


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """Opens after `failure_limit` failures in a row, for `open_seconds`. Safe between threads."""

    def __init__(
        self,
        *,
        failure_limit: int = 3,
        open_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failure_limit = failure_limit
        self._open_seconds = open_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._retry_at = 0.0
        self._is_probing = False

    @property
    def state(self) -> BreakerState:
        return self._state

    def allow(self) -> None:
        """Call before each attempt, then `succeeded` or `failed`. Raises CircuitOpenError."""
        with self._lock:
            left = self._retry_at - self._clock()
            if self._state is BreakerState.CLOSED:
                return
            if self._state is BreakerState.OPEN and left <= 0:
                self._change(BreakerState.HALF_OPEN)
            if self._state is BreakerState.OPEN or self._is_probing:
                raise CircuitOpenError(max(left, 0.0))
            self._is_probing = True

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0
            self._is_probing = False
            self._change(BreakerState.CLOSED)

    def failed(self) -> None:
        with self._lock:
            self._failures += 1
            probe_failed = self._is_probing
            self._is_probing = False
            if probe_failed or self._failures >= self._failure_limit:
                self._retry_at = self._clock() + self._open_seconds
                self._change(BreakerState.OPEN)

    def _change(self, state: BreakerState) -> None:
        if state is self._state:
            return
        previous, self._state = self._state, state
        logger.debug(
            "Circuit breaker of the bus: %s",
            state,
            extra={"breaker": str(state), "previous": str(previous), "failures": self._failures},
        )
