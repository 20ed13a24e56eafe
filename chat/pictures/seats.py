"""Whose picture is worked on: one of a person at a time, a few in all, first come, first served."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chat.errors import TooManyError, UnavailableError

# Each may hold some hundred megabytes.
MAX_AT_ONCE: Final = 2
# Of one person, beside the one that is worked on: a browser sends one after the other.
MAX_WAITING_EACH: Final = 2
# Longer nobody waits while others have all the seats.
SEAT_SECONDS: Final = 10.0


class Seats:
    def __init__(self, max_at_once: int = MAX_AT_ONCE) -> None:
        self._max_at_once = max_at_once
        self._changed = threading.Condition()
        # Everyone who waits, by person id, in the order in which they came.
        self._queue: list[tuple[int, object]] = []
        self._seated: set[int] = set()
        self._is_closed = False

    @contextmanager
    def taken_by(self, person_id: int) -> Iterator[None]:
        """Waits for a seat. Raises TooManyError; UnavailableError when the server is stopping."""
        self._sit_down(person_id)
        try:
            yield
        finally:
            with self._changed:
                self._seated.discard(person_id)
                self._changed.notify_all()

    def close(self) -> None:
        """Nobody is let in any more, also who waits."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _sit_down(self, person_id: int) -> None:
        with self._changed:
            if sum(who == person_id for who, _ in self._queue) >= MAX_WAITING_EACH:
                raise TooManyError(retry_after=SEAT_SECONDS)
            place = (person_id, object())
            self._queue.append(place)
            try:
                self._wait_for_turn(place)
            finally:
                self._queue.remove(place)
            self._seated.add(person_id)
            # Whoever is next may find another free seat.
            self._changed.notify_all()

    def _wait_for_turn(self, place: tuple[int, object]) -> None:
        def is_over() -> bool:
            return self._is_closed or self._next() == place

        if not self._changed.wait_for(is_over, SEAT_SECONDS):
            raise TooManyError(retry_after=SEAT_SECONDS)
        if self._is_closed:
            raise UnavailableError

    def _next(self) -> tuple[int, object] | None:
        if len(self._seated) >= self._max_at_once:
            return None
        return next((place for place in self._queue if place[0] not in self._seated), None)
