"""What the relay holds back after failures: a key, or a whole topic that the bus does not give.

Everything else goes on. Times are those of the clock that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from messaging.bus.retry import RetryPolicy
from messaging.errors import TopicLackingError
from messaging.outbox.rows import Lane, OutboxRow

HELD_LIMIT = 200  # more failing keys than that are one failing bus
Held = Lane | str  # a key of a topic, or a topic

Failed = Mapping[Lane, tuple[OutboxRow, Exception]]


@dataclass(slots=True)
class Hold:
    """Something that waits after a failure, and the last reason."""

    failures: int
    until: float
    error: Exception


class Holds:
    def __init__(self, retry: RetryPolicy, clock: Callable[[], float]) -> None:
        self._retry = retry
        self._clock = clock
        self._holds: dict[Held, Hold] = {}

    def lanes(self) -> list[Lane]:
        """Keys that wait now."""
        return [held for held in self._waiting() if not isinstance(held, str)]

    def topics(self) -> list[str]:
        """Topics that wait now, with all of their keys."""
        return [held for held in self._waiting() if isinstance(held, str)]

    def add(self, failed: Failed) -> set[Lane]:
        """Returns those keys that were not held before, by themselves or with their topic."""
        errors: dict[Held, Exception] = {}
        for lane, (row, error) in failed.items():
            errors[_what_fails(lane, row, error)] = error
        fresh = {
            lane for lane, each in failed.items() if _what_fails(lane, *each) not in self._holds
        }
        for held, error in errors.items():
            failures = self._holds[held].failures + 1 if held in self._holds else 1
            until = self._clock() + self._retry.wait_seconds(failures)
            self._holds[held] = Hold(failures, until, error)
        return fresh

    def release(self, rows: Iterable[OutboxRow]) -> None:
        """They were published."""
        if self._holds:
            for row in rows:
                self._holds.pop(row.lane, None)
                self._holds.pop(row.topic, None)

    def forget_idle(self, rows: Sequence[OutboxRow]) -> None:
        """What is due but has nothing left waiting, of all rows: it was cancelled."""
        now = self._clock()
        there: set[Held] = {row.lane for row in rows} | {row.topic for row in rows}
        for held in [held for held, hold in self._holds.items() if hold.until <= now]:
            if held not in there:
                del self._holds[held]

    def clear(self) -> None:
        self._holds.clear()

    def errors(self) -> list[Exception]:
        return [hold.error for hold in self._holds.values()]

    def seconds_left(self) -> list[float]:
        """Of each; negative when it is due."""
        now = self._clock()
        return [hold.until - now for hold in self._holds.values()]

    def __len__(self) -> int:
        return len(self._holds)

    @property
    def are_too_many(self) -> bool:
        return len(self._holds) > HELD_LIMIT

    def _waiting(self) -> list[Held]:
        now = self._clock()
        return [held for held, hold in self._holds.items() if hold.until > now]


def _what_fails(lane: Lane, row: OutboxRow, error: Exception) -> Held:
    return row.topic if isinstance(error, TopicLackingError) else lane
