"""Which of people's own messages were not passed on: their events stand aside in the outbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Final

import orjson

from chat.events.topics import MESSAGES_TOPIC
from messaging.models import OutboxEvent

# Of the reason; the rest is in the outbox.
ERROR_LENGTH: Final = 200
# More stand aside only when nothing at all is passed on, which staff are told of by other means.
MAX_ERRORS: Final = 1000


def delivery_errors(
    user_ids: Collection[int], chat_ids: Collection[int]
) -> dict[tuple[int, int], dict[str, str]]:
    """By person and chat, then by message: why. Nearly always nothing, at the price of a look at a
    small index.
    """
    found: dict[tuple[int, int], dict[str, str]] = defaultdict(dict)
    rows = (
        OutboxEvent.objects.set_aside()
        .filter(topic=MESSAGES_TOPIC, key__in=[str(pk) for pk in chat_ids])
        .order_by("-id")
        .values_list("payload", "last_error")
    )
    for payload, error in rows[:MAX_ERRORS]:
        try:
            told = orjson.loads(payload)
            sender, chat_id = int(told["senderId"]), int(told["chatId"])
            if sender in user_ids:
                found[sender, chat_id][str(told["messageId"])] = error[:ERROR_LENGTH]
        except (ValueError, KeyError, TypeError):
            continue  # it stands aside because it tells of no message
    return found
