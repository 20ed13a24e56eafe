"""A thread that does a piece of work soon after it was asked to, once a second at most."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


class Soon:
    """`work` soon after `ask()`, and at least every `at_least_every` seconds after the first time.

    The thread begins with the first asking; what `work` raises of Redis is for `away`.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        away: Callable[[RedisError], None],
        *,
        after_seconds: float = 1.0,
        at_least_every: float | None = None,
    ) -> None:
        self._name, self._work, self._away = name, work, away
        self._after, self._at_least_every = after_seconds, at_least_every
        self._asked, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def ask(self) -> None:
        """Never waits for the work."""
        if self._asked.is_set():
            return
        self._asked.set()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._asked.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._asked.wait(self._at_least_every)
            self._closing.wait(self._after)
            self._asked.clear()
            try:
                self._work()
            except RedisError as error:
                self._away(error)
            except Exception:
                # The loop's edge: the next round may go well.
                logger.exception("a round failed", extra={"of": self._name})
