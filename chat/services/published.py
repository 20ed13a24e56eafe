"""How far each chat's messages have come to the bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction
from django.dispatch import receiver

from chat.fanout import HubEvent, announce
from messaging.relay import published


@receiver(published)
def follow_relay(highest_seqs: Mapping[str, int], **kwargs: Any) -> None:
    mark_published({int(key): seq for key, seq in highest_seqs.items()})


@transaction.atomic
def mark_published(seqs: Mapping[int, int]) -> None:
    """Moves the chats' `published_seq` forward to these and tells the browsers.

    Written as one statement per chat, sent together: it runs after every round of the relay, and
    the ORM needs longer to put a CASE of fifty chats together than the database to carry it out.
    """
    rows = [(seq, chat_id, seq) for chat_id, seq in sorted(seqs.items())]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE chat_chat SET published_seq = %s WHERE id = %s AND published_seq < %s", rows
        )
    announce(
        HubEvent.to_chat(pk, {"type": "status", "chat_id": pk, "published_seq": seq})
        for pk, seq in seqs.items()
    )
