"""A health check's look at one part: bounded in time and cost, however many ask at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import connections

from messaging.describing import describe

ANSWER_SECONDS: Final = 1.8  # health checks expect an answer within 2
# What was found stands for so long: however many ask, a part is looked at once a second.
FRESH_SECONDS: Final = 1.0


class Look:
    """`look` says what is wrong, in a thread of its own. One at a time: while one hangs, no second
    thread is lost to the same. `silence` is what is said of one that does not answer in time."""

    def __init__(
        self,
        look: Callable[[], list[str]],
        *,
        silence: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._silence = silence
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._found: list[str] | None = None
        self._found_at = float("-inf")

    def begin(self) -> None:
        """Returns at once: several can look at the same time."""
        with self._lock:
            is_running = self._thread is not None and self._thread.is_alive()
            if is_running or self._clock() - self._found_at < FRESH_SECONDS:
                return
            self._found = None
            self._thread = threading.Thread(target=self._run, name="health", daemon=True)
            self._thread.start()

    def answer_within(self, seconds: float) -> list[str]:
        """Never raises."""
        self.begin()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(max(0.0, seconds))
        with self._lock:
            return [self._silence] if self._found is None else self._found

    def _run(self) -> None:
        try:
            found = self._look()
        except Exception as error:  # noqa: BLE001  a health check reports faults, it has none
            found = [f"it cannot be looked at ({describe(error)})"]
        finally:
            connections.close_all()
        with self._lock:
            self._found, self._found_at = found, self._clock()
