"""Compares what chats say of their members with the memberships."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import F

from chat.models import Chat
from chat.upkeep.reconciling.damage import Damage
from chat.upkeep.reconciling.snapshot import ROWS_AT_ONCE, Scope


def check_members(scope: Scope, grace: timedelta) -> Iterator[Damage]:
    chats = Chat.objects.counted().exclude(member_count=F("people")).order_by("pk")
    if scope.chat_id is not None:
        chats = chats.filter(pk=scope.chat_id)
    rows = chats.values_list("pk", "member_count", "people")
    for chat_id, found, expected in rows.iterator(ROWS_AT_ONCE):
        values = {"found": found, "expected": expected}
        yield Damage("wrong_member_count", chat_id, ref=chat_id, values=values)
