"""Only queues deliveries: a slow receiver delays no record."""

from __future__ import annotations

from collections.abc import Sequence

from chat.webhooks.deliveries import record_deliveries
from messaging.contract.events import Event


def note_deliveries(events: Sequence[Event]) -> None:
    record_deliveries(events)
