"""What a running consumer reports about itself, for other processes to read. Never holds it up."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from messaging.models import ConsumerState

STATE_SECONDS = 5.0
FORGOTTEN_AFTER = timedelta(hours=1)  # what a consumer that is gone has said


class ConsumerReport:
    """Saved every few seconds, and at once when topics come or go."""

    def __init__(self, group: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._group = group
        self._clock = clock
        self._name = f"consumer {uuid4().hex[:8]}"
        self._started_at: datetime = timezone.now()
        self._tried_at = float("-inf")
        self._tried: str | None = None

    def save_when_due(self, *, partitions: int, lacking: Mapping[str, str]) -> None:
        words = "\n".join(f"{topic} {why}" for topic, why in sorted(lacking.items()))
        if words == self._tried and self._clock() - self._tried_at < STATE_SECONDS:
            return
        is_first = self._tried is None
        self._tried_at, self._tried = self._clock(), words
        try:
            if is_first:
                gone = timezone.now() - FORGOTTEN_AFTER
                ConsumerState.objects.filter(seen_at__lt=gone).delete()
            self._save(partitions, words)
        except (DatabaseError, InterfaceError):
            connection.close_if_unusable_or_obsolete()

    def remove(self) -> None:
        """On a clean exit."""
        try:
            ConsumerState.objects.filter(name=self._name).delete()
        except (DatabaseError, InterfaceError):
            connection.close_if_unusable_or_obsolete()

    def _save(self, partitions: int, lacking: str) -> None:
        ConsumerState.objects.update_or_create(
            name=self._name,
            defaults={
                "group": self._group,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "partitions": partitions,
                "lacking": lacking,
                "started_at": self._started_at,
                "seen_at": timezone.now(),
            },
        )
