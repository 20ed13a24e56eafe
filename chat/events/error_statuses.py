"""Announces on `message-delivery-status` that a message will never go over the bus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.dispatch import receiver

from chat.events.statuses import status_payload
from chat.events.topics import STATUS_TOPIC
from messaging.contract.schemas import find_schema
from messaging.errors import InvalidEventError
from messaging.outbox.recording import NewEvent, record_many
from messaging.outbox.relay import set_aside
from messaging.outbox.rows import OutboxRow

DETAIL_LENGTH = 1000


@receiver(set_aside)
def record_error_statuses(impossible: Iterable[tuple[OutboxRow, Exception]], **kwargs: Any) -> None:
    """For each row that is about a message; in the transaction that sets the rows aside."""
    events = [error_status(row, error) for row, error in impossible]
    record_many([event for event in events if event is not None])


def error_status(row: OutboxRow, error: Exception) -> NewEvent | None:
    """None when the row does not say which message it is about, or is itself a status."""
    if row.topic == STATUS_TOPIC:
        return None
    try:
        payload = _status(row.parsed(), error)
        find_schema(STATUS_TOPIC, 1).check(payload)
    except InvalidEventError:
        return None
    return NewEvent(STATUS_TOPIC, row.key, "status.error", payload)


def _status(payload: Mapping[str, Any], error: Exception) -> dict[str, Any]:
    return status_payload(
        "error",
        payload.get("chatId"),
        payload.get("seq"),
        message_id=payload.get("messageId"),
        user_id=payload.get("senderId"),
        detail=str(error)[:DETAIL_LENGTH],
    )
