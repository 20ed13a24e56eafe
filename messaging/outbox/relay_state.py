"""What the running relay reports about itself, for other processes to read. Never holds it up."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from datetime import datetime

from django.utils import timezone

from messaging.describing import describe
from messaging.models import RelayState
from messaging.outbox.target import Target

OUTBOX = "outbox"
STATE_SECONDS = 5.0


class StateReport:
    """Saved every few seconds, and at once when the breaker changes."""

    def __init__(self, target: Target, clock: Callable[[], float]) -> None:
        self._target = target
        self._clock = clock
        self._started_at: datetime = timezone.now()
        self._saved_at = float("-inf")
        self._saved_breaker = ""
        self._last_error = ""

    def note_errors(self, errors: Iterable[Exception]) -> None:
        self._last_error = next((describe(error) for error in errors), "")

    def save_when_due(self) -> None:
        breaker = self._target.breaker_state()
        is_due = self._clock() - self._saved_at >= STATE_SECONDS
        if not is_due and breaker == self._saved_breaker:
            return
        RelayState.objects.update_or_create(
            name=OUTBOX,
            defaults={
                "bus": self._target.bus,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "breaker": breaker,
                "last_error": self._last_error,
                "started_at": self._started_at,
                "seen_at": timezone.now(),
            },
        )
        self._saved_at, self._saved_breaker = self._clock(), breaker
