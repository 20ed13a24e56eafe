"""A few threads that do jobs, made when they are first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class Crew:
    """Used by one thread. Its own are daemons: a process that ends waits for no receiver."""

    def __init__(self, name: str, *, size: int) -> None:
        self._name = name
        self._size = size
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._made = 0

    def do(self, job: Job) -> None:
        if not self._idle.acquire(blocking=False) and self._made < self._size:
            threading.Thread(
                target=self._work, name=f"{self._name}-{self._made}", daemon=True
            ).start()
            self._made += 1
        self._jobs.put(job)

    def dismiss(self) -> None:
        """Its threads end when they are done with what they do."""
        for _ in range(self._made):
            self._jobs.put(None)
        self._made = 0

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            self._idle.release()
