"""What a running process reports of itself, for other processes to read (`ProcessState`)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from messaging.models import ProcessState

REPORT_SECONDS: Final = 5.0
FORGOTTEN_AFTER: Final = timedelta(hours=1)  # what a process that is gone has said


class ProcessReport:
    """Of one process, under a name of its own. Used by one thread; raises what the database does,
    and then waits for its next turn, too."""

    def __init__(
        self,
        model: type[ProcessState],
        kind: str,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._clock = clock
        self._name = f"{kind} {uuid4().hex[:8]}"
        self._started_at = timezone.now()
        self._said: object = None
        self._is_first = True
        self._tried_at = float("-inf")
        self._done, self._done_at, self._per_minute = 0, clock(), 0.0

    def make_due(self) -> None:
        self._tried_at = float("-inf")

    def is_due(self, says: object = None) -> bool:
        """Every few seconds, and at once when it `says` something else than last time."""
        return says != self._said or self._clock() - self._tried_at >= REPORT_SECONDS

    def tell(self, *, says: object = None, done: int = 0, **figures: Any) -> None:
        """`done`: how much since the start. `figures`: the fields of this kind of process."""
        self._tried_at, self._said = self._clock(), says
        if self._is_first:
            gone = timezone.now() - FORGOTTEN_AFTER
            self._model.objects.filter(seen_at__lt=gone).delete()  # type: ignore[attr-defined]
            self._is_first = False
        self._measure(done)
        self._save(figures)

    def stop(self) -> None:
        """On a clean exit: it is gone, and nobody need wonder."""
        rows = self._model.objects.filter(name=self._name)  # type: ignore[attr-defined]
        rows.update(stopped_at=timezone.now())

    def _measure(self, done: int) -> None:
        seconds = self._clock() - self._done_at
        if seconds >= REPORT_SECONDS / 2:
            self._per_minute = round((done - self._done) / seconds * 60, 1)
            self._done, self._done_at = done, self._clock()

    def _save(self, figures: dict[str, Any]) -> None:
        self._model.objects.update_or_create(  # type: ignore[attr-defined]
            name=self._name,
            defaults={
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "version": settings.VERSION,
                "per_minute": self._per_minute,
                "started_at": self._started_at,
                "seen_at": timezone.now(),
                "stopped_at": None,
                **figures,
            },
        )
