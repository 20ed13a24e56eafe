"""Delivered and read cursors: cumulative, only forward, written in bulk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Greatest

from chat.fanout import HubEvent, announce
from chat.models import Chat, Membership
from chat.summaries import SMALL_CHAT_MEMBERS, cursors_payload


@dataclass(frozen=True, slots=True)
class Cursors:
    delivered_seq: int = 0
    read_seq: int = 0

    def joined(self, other: Cursors) -> Cursors:
        return Cursors(
            max(self.delivered_seq, other.delivered_seq), max(self.read_seq, other.read_seq)
        )

    def capped(self, last_seq: int) -> Cursors:
        """What is read was delivered; nothing beyond the chat's last message can be either."""
        read = min(self.read_seq, last_seq)
        return Cursors(max(min(self.delivered_seq, last_seq), read), read)


Receipts = Mapping[tuple[int, int], Cursors]  # by (chat_id, user_id)


@transaction.atomic
def advance_cursors(receipts: Receipts) -> None:
    """Moves members' cursors forward; what is not a member's, or is behind, changes nothing."""
    last_seqs = dict(
        Chat.objects.filter(pk__in={chat_id for chat_id, _ in receipts}).values_list(
            "pk", "last_seq"
        )
    )
    together: dict[tuple[int, Cursors], list[int]] = defaultdict(list)
    for (chat_id, user_id), cursors in receipts.items():
        if chat_id in last_seqs:
            together[chat_id, cursors.capped(last_seqs[chat_id])].append(user_id)
    for (chat_id, cursors), user_ids in sorted(together.items(), key=lambda item: item[0][0]):
        _advance(chat_id, cursors, user_ids)


def _advance(chat_id: int, cursors: Cursors, user_ids: list[int]) -> None:
    behind = Membership.objects.active().filter(
        Q(delivered_seq__lt=cursors.delivered_seq) | Q(read_seq__lt=cursors.read_seq),
        chat_id=chat_id,
        user_id__in=user_ids,
    )
    moving = list(behind.order_by("pk").values_list("pk", flat=True).select_for_update(no_key=True))
    if not moving:
        return
    rows = Membership.objects.filter(pk__in=moving)
    rows.update(
        delivered_seq=Greatest("delivered_seq", Value(cursors.delivered_seq)),
        read_seq=Greatest("read_seq", Value(cursors.read_seq)),
    )
    _announce(chat_id, rows)


def _announce(chat_id: int, moved: Iterable[Membership]) -> None:
    """To everyone in a small chat; in a large one only to the person's own other devices."""
    small = Membership.objects.active().filter(chat_id=chat_id).count() <= SMALL_CHAT_MEMBERS
    events = []
    for membership in moved:
        status = {"type": "status", "chat_id": chat_id, **cursors_payload(membership)}
        if small:
            events.append(HubEvent.to_chat(chat_id, status))
        else:
            events.append(HubEvent.to_person(membership.user_id, status))
    announce(events)
