"""How far messages have got, as events on `message-delivery-status`: cumulative, one per chat (and
person) that moved. The one place that says which status means what; errors are recorded by
chat/events/error_statuses.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from chat.database.given_rows import given
from chat.events.topics import STATUS_TOPIC
from chat.wire.payloads import timestamp
from messaging.contract.events import Event
from messaging.outbox.recording import NewEvent, record_many

Place = tuple[int, int]  # (chat_id, seq)

READ_IDS = """
    SELECT m.chat_id, m.seq, m.id FROM {given}
    JOIN chat_message m ON m.chat_id = given.chat_id AND m.seq = given.seq
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """A person's cursors as they are now, and which of them are new."""

    chat_id: int
    user_id: int
    delivered_seq: int
    read_seq: int
    has_received: bool
    has_read: bool
    shares_reading: bool


def record_cursors(all_moved: Sequence[Moved]) -> None:
    """In the transaction that moves them. People who hide their reading only report delivery."""
    statuses = [(moved, *status) for moved in all_moved for status in _statuses_of(moved)]
    ids = _message_ids({(moved.chat_id, seq) for moved, _, seq in statuses})
    record_many(
        [
            _new_event(
                str(moved.chat_id),
                status,
                seq,
                user_id=str(moved.user_id),
                message_id=ids.get((moved.chat_id, seq)),
            )
            for moved, status, seq in statuses
        ]
    )


def record_published(events: Iterable[Event]) -> None:
    """Announces, for each chat of these created messages, that they are on the bus."""
    newest: dict[str, Mapping[str, Any]] = {}
    for event in sorted(events, key=lambda event: event.payload.get("seq") or 0):
        newest[event.payload["chatId"]] = event.payload
    record_many(
        [
            _new_event(chat_id, "published", payload["seq"], message_id=payload["messageId"])
            for chat_id, payload in newest.items()
            if payload.get("seq")
        ]
    )


def _statuses_of(moved: Moved) -> Iterator[tuple[str, int]]:
    """What has been read has been delivered: up to there one event says both."""
    shows_reading = moved.has_read and moved.shares_reading
    if moved.has_received and not (shows_reading and moved.read_seq == moved.delivered_seq):
        yield "delivered", moved.delivered_seq
    if shows_reading:
        yield "read", moved.read_seq


def _message_ids(places: Collection[Place]) -> Mapping[Place, str]:
    if not places:
        return {}
    table, parameters = given(("chat_id", "seq"), sorted(places))
    with connection.cursor() as cursor:
        cursor.execute(READ_IDS.format(given=table), parameters)
        return {(chat_id, seq): str(pk) for chat_id, seq, pk in cursor.fetchall()}


def _new_event(
    chat_id: str,
    status: str,
    seq: int,
    *,
    message_id: str | None,
    user_id: str | None = None,
) -> NewEvent:
    payload = status_payload(status, chat_id, seq, message_id=message_id, user_id=user_id)
    return NewEvent(STATUS_TOPIC, chat_id, f"status.{status}", payload)


def status_payload(
    status: str,
    chat_id: Any,
    seq: Any,
    *,
    message_id: Any,
    user_id: Any,
    detail: str | None = None,
) -> dict[str, Any]:
    """As the topic's schema has it, if what is given is as it should be."""
    return {
        "messageId": message_id,
        "chatId": chat_id,
        "userId": user_id,
        "status": status,
        "seq": seq,
        "timestamp": timestamp(timezone.now()),
        "detail": detail,
    }
