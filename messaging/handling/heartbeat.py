"""A file whose timestamp says that a loop is still running, for monitoring."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from messaging.errors import ConfigurationError


class Heartbeat:
    """Touched at most once a second. Without a path it does nothing."""

    def __init__(self, path: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = Path(path) if path else None
        self._clock = clock
        self._next_at = float("-inf")

    def beat(self) -> None:
        """Raises ConfigurationError when the file cannot be written."""
        if self._path is None or self._clock() < self._next_at:
            return
        try:
            self._path.touch()
        except OSError as error:
            raise ConfigurationError(
                f"The heartbeat file {self._path} cannot be written: {error.strerror}"
            ) from error
        self._next_at = self._clock() + 1.0

    def remove(self) -> None:
        """On a clean exit, so that a stopped process does not look like a hanging one."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
