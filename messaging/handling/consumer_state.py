"""What a running consumer reports about itself, for other processes to read. Never holds it up."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection

from messaging.models import ConsumerState
from messaging.process_report import ProcessReport


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind."""

    records: int
    seconds: float


class ConsumerReport:
    """Saved every few seconds, and at once when topics come or go."""

    def __init__(self, group: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._group = group
        self._report = ProcessReport(ConsumerState, "consumer", clock=clock)

    def save_when_due(
        self,
        *,
        partitions: int,
        lacking: Mapping[str, str],
        done: int = 0,
        lag: Lag | None = None,
    ) -> None:
        """`lag`: None where it is not known."""
        words = "\n".join(f"{topic} {why}" for topic, why in sorted(lacking.items()))
        if not self._report.is_due(words):
            return
        try:
            self._report.tell(
                says=words,
                done=done,
                group=self._group,
                partitions=partitions,
                lacking=words,
                lag_records=lag and lag.records,
                lag_seconds=lag and lag.seconds,
            )
        except (DatabaseError, InterfaceError):
            connection.close_if_unusable_or_obsolete()

    def stop(self) -> None:
        """On a clean exit."""
        try:
            self._report.stop()
        except (DatabaseError, InterfaceError):
            connection.close_if_unusable_or_obsolete()
