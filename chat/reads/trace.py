"""One message's way: saved, recorded, on the topic, handled, delivered, read, audited.

Reads only, and never the words of the message. The command trace_message and the admin show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from chat.events.topics import MESSAGES_TOPIC
from chat.models import AuditEntry, Message
from chat.reads.message_receipts import ReceiptCounts, count_receipts
from messaging.handling.registry import registry
from messaging.operating.tracing import EventTrace, find_events, trace_events

LATEST_EDITS: Final = 5


@dataclass(frozen=True, slots=True)
class Saved:
    message_id: int
    client_message_id: UUID
    chat_id: int
    seq: int
    revision: int
    sender_id: int
    sender_name: str
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    hidden_at: datetime | None
    # Whether the chat says that the bus has it.
    is_published: bool


@dataclass(frozen=True, slots=True)
class Audited:
    place: int
    event_id: UUID
    action: str
    actor_name: str
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class MessageTrace:
    saved: Saved
    events: Sequence[EventTrace]
    receipts: ReceiptCounts
    audit: Sequence[Audited]


def read_trace(message: Message) -> MessageTrace:
    audit = _read_audit(message)
    events = find_events(
        MESSAGES_TOPIC,
        str(message.chat_id),
        field="messageId",
        value=str(message.pk),
        moments=_moments(message),
    )
    return MessageTrace(
        saved=_saved(message),
        events=trace_events(events | {entry.event_id for entry in audit}, registry),
        receipts=count_receipts(message),
        audit=audit,
    )


def _saved(message: Message) -> Saved:
    return Saved(
        message_id=message.pk,
        client_message_id=message.client_message_id,
        chat_id=message.chat_id,
        seq=message.seq,
        revision=message.revision,
        sender_id=message.sender_id,
        sender_name=message.sender.name,
        created_at=message.created_at,
        edited_at=message.edited_at,
        deleted_at=message.deleted_at,
        hidden_at=message.hidden_at,
        is_published=message.chat.published_seq >= message.seq,
    )


def _moments(message: Message) -> Iterator[datetime]:
    """When it changed, as far as its row still says: each is looked for in the outbox. Of the rest,
    and of edits before the latest ones, the audit log knows the events."""
    for moment in (message.created_at, message.edited_at, message.deleted_at, message.hidden_at):
        if moment is not None:
            yield moment
    newest = message.edits.order_by("-edited_at").values_list("edited_at", flat=True)
    yield from newest[:LATEST_EDITS]


def _read_audit(message: Message) -> list[Audited]:
    entries = AuditEntry.objects.filter(target_type="message", target_id=str(message.pk))
    return [
        Audited(entry.place, entry.event_id, entry.action, entry.actor_name, entry.happened_at)
        for entry in entries.order_by("place")
    ]
