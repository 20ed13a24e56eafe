"""How far each chat's messages have come to the bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Case, F, PositiveBigIntegerField, Value, When
from django.db.models.functions import Greatest
from django.dispatch import receiver

from chat.fanout import HubEvent, announce
from chat.models import Chat
from messaging.relay import published


@receiver(published)
def follow_relay(highest_seqs: Mapping[str, int], **kwargs: Any) -> None:
    mark_published({int(key): seq for key, seq in highest_seqs.items()})


@transaction.atomic
def mark_published(seqs: Mapping[int, int]) -> None:
    """Moves the chats' `published_seq` forward to these and tells the browsers."""
    if not seqs:
        return
    chats = Chat.objects.locked_in_order().filter(pk__in=list(seqs))
    moving = [pk for pk, seq in chats.values_list("pk", "published_seq") if seq < seqs[pk]]
    if not moving:
        return
    target = Case(
        *(When(pk=pk, then=Value(seqs[pk])) for pk in moving),
        default=F("published_seq"),
        output_field=PositiveBigIntegerField(),
    )
    Chat.objects.filter(pk__in=moving).update(published_seq=Greatest("published_seq", target))
    announce(
        HubEvent.to_chat(pk, {"type": "status", "chat_id": pk, "published_seq": seqs[pk]})
        for pk in moving
    )
