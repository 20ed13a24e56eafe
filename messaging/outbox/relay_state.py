"""What the running relay reports about itself, for other processes to read. Never holds it up."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from messaging.describing import describe
from messaging.models import RelayState
from messaging.outbox.shards import Shards
from messaging.outbox.target import Target

STATE_SECONDS = 5.0
FORGOTTEN_AFTER = timedelta(hours=1)  # what a relay that is gone has said


class StateReport:
    """Saved every few seconds, and at once when the breaker or the number of shards changes."""

    def __init__(self, target: Target, clock: Callable[[], float]) -> None:
        self._target = target
        self._clock = clock
        self._started_at: datetime = timezone.now()
        self._saved_at = float("-inf")
        self._name = f"outbox {uuid4().hex[:8]}"
        self._saved: tuple[str, int] | None = None
        self._last_error = ""

    def note_errors(self, errors: Iterable[Exception]) -> None:
        """Of everything that waits now; the first is told."""
        self._last_error = next((describe(error) for error in errors), "")

    def make_due(self) -> None:
        self._saved_at = float("-inf")

    def save_when_due(self, shards: Shards) -> None:
        current = self._target.breaker_state(), len(shards)
        is_due = self._clock() - self._saved_at >= STATE_SECONDS
        if not is_due and current == self._saved:
            return
        if self._saved is None:
            RelayState.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()
        self._save(*current)
        self._saved_at, self._saved = self._clock(), current

    def _save(self, breaker: str, shards: int) -> None:
        RelayState.objects.update_or_create(
            name=self._name,
            defaults={
                "bus": self._target.bus,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "shards": shards,
                "breaker": breaker,
                "last_error": self._last_error,
                "started_at": self._started_at,
                "seen_at": timezone.now(),
            },
        )
