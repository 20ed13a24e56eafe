"""What the product does with its events when they come back from the bus (group webchat-group)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from chat.events import MESSAGES_TOPIC
from chat.fanout import HubEvent, spread
from messaging.events import Event
from messaging.registry import handler


@handler(topic=MESSAGES_TOPIC, name="heads")
def tell_heads(events: Sequence[Event]) -> None:
    """The durable road: tells hubs how far each chat has come; who missed something reads it."""
    heads: dict[int, int] = {}
    for event in events:
        chat_id = int(event.payload["chatId"])
        heads[chat_id] = max(heads.get(chat_id, 0), int(event.payload.get("revision") or 0))
    found = [HubEvent.head(chat_id, revision) for chat_id, revision in heads.items()]
    transaction.on_commit(partial(spread, found), robust=True)
