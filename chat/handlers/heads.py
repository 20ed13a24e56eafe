"""The durable road to the browser: tells hubs how far each chat has come."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from chat.events.hub_commands import HubCommand, spread
from chat.events.row_ids import row_number
from messaging.contract.events import Event


def tell_heads(events: Sequence[Event]) -> None:
    """Hubs that missed something read it."""
    heads: dict[int, int] = {}
    for event in events:
        chat_id = row_number(event.payload["chatId"])
        heads[chat_id] = max(heads.get(chat_id, 0), int(event.payload.get("revision") or 0))
    found = [HubCommand.head(chat_id, revision) for chat_id, revision in heads.items()]
    transaction.on_commit(partial(spread, found), robust=True)
