"""Stops a consumer that sets aside too much: a bad deploy must not empty a topic."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping

from messaging.errors import MessagingError


class TooManyDeadLettersError(MessagingError):
    """Raised instead of setting aside one more record."""


class DeadLetterLimit:
    """At most `in_a_row` per handler without a success, and `count` within `window_seconds`."""

    def __init__(
        self,
        *,
        in_a_row: int = 10,
        count: int = 100,
        window_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._in_a_row = in_a_row
        self._count = count
        self._window_seconds = window_seconds
        self._clock = clock
        self._row: Counter[str] = Counter()
        self._times: deque[float] = deque()

    @property
    def in_a_row(self) -> int:
        return self._in_a_row

    def remember(self, row: Mapping[str, int]) -> None:
        """How many events each handler set aside since its last success, in earlier processes."""
        self._row.update(row)

    def check(self, handler: str) -> None:
        """Raises TooManyDeadLettersError when there is no room for one more."""
        while self._times and self._times[0] <= self._clock() - self._window_seconds:
            self._times.popleft()
        if handler and self._row[handler] >= self._in_a_row:
            raise TooManyDeadLettersError(
                f"Handler {handler} has failed for {self._in_a_row} events in a row."
            )
        if len(self._times) >= self._count:
            raise TooManyDeadLettersError(
                f"{self._count} records were set aside within {self._window_seconds:g} s."
            )

    def note_dead(self, handler: str) -> None:
        self._times.append(self._clock())
        self._row[handler] += 1

    def note_success(self, handlers: Iterable[str]) -> None:
        if self._row:
            for handler in handlers:
                self._row.pop(handler, None)
