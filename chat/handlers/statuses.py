"""What is said on `message-delivery-status`, and what is done with what anybody says there."""

from __future__ import annotations

from collections.abc import Sequence

from chat.events.statuses import record_published
from chat.services.cursors.reported import apply_statuses
from messaging.contract.events import Event


def tell_published(events: Sequence[Event]) -> None:
    """That these created messages are on the bus, once per chat and batch."""
    record_published(events)


def follow_statuses(events: Sequence[Event]) -> None:
    """Moves cursors to where anybody says they are, also a phone gateway or another system.

    Records no event, or it would go round in circles.
    """
    apply_statuses(event.payload for event in events)
