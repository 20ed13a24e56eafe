"""Takes over what `message-delivery-status` says, whoever wrote it. Any order, repeats, and chats
or people that do not exist do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import F

from chat.events.hub_commands import HubCommand, announce
from chat.events.row_ids import ForeignIdError, row_number
from chat.models import Message
from chat.reads.delivery_errors import ERROR_LENGTH
from chat.services.cursors.published import mark_published
from chat.services.cursors.receipts import Cursors, advance_cursors

Status = Mapping[str, Any]  # a valid payload of message-delivery-status


def apply_statuses(statuses: Iterable[Status]) -> None:
    """Call it in a transaction."""
    published: dict[int, int] = {}
    receipts: dict[tuple[int, int], Cursors] = {}
    errors: dict[tuple[int, int], Status] = {}
    for status in statuses:
        chat_id, seq = _id(status["chatId"]), status["seq"]
        match status["status"]:
            case "published":
                published[chat_id] = max(published.get(chat_id, 0), seq)
            case "error":
                errors[chat_id, _id(status["messageId"])] = status
            case kind:
                key = chat_id, _id(status["userId"])
                cursors = Cursors(seq, seq if kind == "read" else 0)
                receipts[key] = receipts.get(key, Cursors()).joined(cursors)
    mark_published(published)
    advance_cursors(receipts, record=False)
    _tell_senders(errors)


def _id(text: str) -> int:
    """A row's id, or 0, which no row has, for anything that is not an id of ours."""
    try:
        return row_number(text)
    except ForeignIdError:
        return 0


def _tell_senders(errors: Mapping[tuple[int, int], Status]) -> None:
    """Those who are still in the chat."""
    written = Message.objects.filter(
        pk__in=[message_id for _, message_id in errors],
        chat__memberships__user=F("sender"),
        chat__memberships__left_at__isnull=True,
    )
    announce(
        HubCommand.to_person(sender_id, _error_line(chat_id, pk, errors[chat_id, pk]))
        for pk, chat_id, sender_id in written.values_list("pk", "chat_id", "sender_id")
        if (chat_id, pk) in errors
    )


def _error_line(chat_id: int, message_id: int, status: Status) -> dict[str, Any]:
    error = str(status.get("detail") or "")[:ERROR_LENGTH]
    return {"type": "status", "chat_id": chat_id, "message_id": message_id, "error": error}
