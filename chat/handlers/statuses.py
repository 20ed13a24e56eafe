"""Writes to `message-delivery-status`, and applies what anybody writes there."""

from __future__ import annotations

from collections.abc import Sequence

from chat.events.statuses import record_published
from chat.services.cursors.reported import apply_statuses
from messaging.contract.events import Event


def tell_published(events: Sequence[Event]) -> None:
    """Announces that these created messages are on the bus, once per chat and batch."""
    record_published(events)


def follow_statuses(events: Sequence[Event]) -> None:
    """Moves cursors to where the topic says they are, whoever wrote it: also a phone gateway or
    another system.

    Records no event, which would loop.
    """
    apply_statuses(event.payload for event in events)
