"""Notes what is to be sent, and nothing else: a receiver that is slow delays no record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chat.events import MESSAGES_TOPIC
from chat.services.webhook_deliveries import record_deliveries
from messaging.events import Event
from messaging.registry import handler

WEBHOOKS_GROUP: Final = "webchat-webhooks"


@handler(topic=MESSAGES_TOPIC, name="webhooks", group=WEBHOOKS_GROUP)
def note_deliveries(events: Sequence[Event]) -> None:
    record_deliveries(events)
