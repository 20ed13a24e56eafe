"""Notes what is to be sent, and nothing else: a receiver that is slow delays no record."""

from __future__ import annotations

from collections.abc import Sequence

from chat.webhooks.deliveries import record_deliveries
from messaging.contract.events import Event


def note_deliveries(events: Sequence[Event]) -> None:
    record_deliveries(events)
