"""What the product does with its events when they come back from the bus (group webchat-group)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from chat.delivery_statuses import record_published
from chat.event_ids import row_number
from chat.events import MESSAGES_TOPIC
from chat.fanout import HubEvent, spread
from chat.services.delivery import apply_statuses
from messaging.delivery_status import STATUS_TOPIC
from messaging.events import Event
from messaging.registry import handler


@handler(topic=MESSAGES_TOPIC, name="heads")
def tell_heads(events: Sequence[Event]) -> None:
    """The durable road: tells hubs how far each chat has come; who missed something reads it."""
    heads: dict[int, int] = {}
    for event in events:
        chat_id = row_number(event.payload["chatId"])
        heads[chat_id] = max(heads.get(chat_id, 0), int(event.payload.get("revision") or 0))
    found = [HubEvent.head(chat_id, revision) for chat_id, revision in heads.items()]
    transaction.on_commit(partial(spread, found), robust=True)


@handler(topic=MESSAGES_TOPIC, name="statuses")
def tell_published(events: Sequence[Event]) -> None:
    """Says on `message-delivery-status` that they are on the bus, once per chat and batch."""
    record_published(event for event in events if event.event_type == "message.created")


@handler(topic=STATUS_TOPIC, name="cursors")
def follow_statuses(events: Sequence[Event]) -> None:
    """Moves cursors to where anybody says they are, also a phone gateway or another system.

    Records no event, or it would go round in circles.
    """
    apply_statuses(event.payload for event in events)
