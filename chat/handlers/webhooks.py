"""Only queues deliveries: a slow receiver delays no record."""

from __future__ import annotations

from collections.abc import Sequence

from chat.models import Webhook
from chat.webhooks.deliveries import record_deliveries
from messaging.contract.events import Event


def has_webhooks() -> bool:
    """Without any, nobody need run the group."""
    return Webhook.objects.active().exists()


def note_deliveries(events: Sequence[Event]) -> None:
    record_deliveries(events)
