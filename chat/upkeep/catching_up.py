"""Brings a database that is older than its topics up to them: after a backup was restored.

Numbers that were told are not given again: messages are written back as the topics tell them, and
where that cannot be, their numbers are skipped. The outbox then knows every event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from django.db import connection, transaction
from django.db.models import Q
from django.dispatch import receiver

from chat.events.row_ids import row_number
from chat.events.topics import MESSAGES_TOPIC
from chat.models import Chat, Message, MessageEdit, User
from messaging.bus.base_adapter import BusAdapter
from messaging.contract.events import Event
from messaging.errors import PermanentError
from messaging.models import OutboxEvent
from messaging.outbox.unknown import (
    Found,
    OlderDatabaseError,
    published_so_far,
    read_unknown,
    unknown_found,
)
from messaging.signals import Operator, operated

# What becomes of an event, as it is counted.
WRITTEN: Final = "written back"
NOTED: Final = "noted"  # it changes no message
NO_CHAT: Final = "of a chat or person that this database does not have"
TAKEN: Final = "told twice: another message has this number"


@receiver(unknown_found)
def refuse_numbers_told_before(events: Sequence[Event], **_kwargs: Any) -> None:
    """Only this database gives revisions. Others may write records without one."""
    if any(_is_ours(event) for event in events):
        raise OlderDatabaseError


def catch_up(adapter: BusAdapter, actor: Operator, *, execute: bool) -> Iterator[Counter[str]]:
    """Counts what became, or would become, of each part of what the topics tell beyond this
    database. Raises RetryableError."""
    known = published_so_far()
    if known is None:
        return
    with nullcontext() if execute else _undone():
        for found in read_unknown(adapter, known):
            with transaction.atomic():
                yield _take_over(found, actor)
            if execute:
                _skip_ids(found)


@contextmanager
def _undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _take_over(found: Sequence[Found], actor: Operator) -> Counter[str]:
    counts: Counter[str] = Counter()
    ours = [each for each in found if _is_ours(each.event)]
    chat_ids = {row_number(each.event.payload["chatId"]) for each in ours}
    chats = {chat.pk: chat for chat in Chat.objects.locked_in_order().filter(pk__in=chat_ids)}
    for each in found:
        outcome = _apply(each.event, chats) if _is_ours(each.event) else NOTED
        counts[outcome] += 1
        _note(each, outcome)
    for chat in chats.values():
        chat.save(update_fields=["last_seq", "revision", "published_seq", "last_message_at"])
    operated.send(
        sender=OutboxEvent,
        action="reconcile.repaired",
        target=("", ""),
        details={"kind": "record_without_row", "count": len(found)},
        actor=actor,
    )
    return counts


def _apply(event: Event, chats: Mapping[int, Chat]) -> str:
    payload = event.payload
    chat = chats.get(row_number(payload["chatId"]))
    sender_id = row_number(payload["senderId"])
    if chat is None or not User.objects.filter(pk=sender_id).exists():
        return NO_CHAT
    message = Message.objects.filter(pk=row_number(payload["messageId"])).first()
    if payload["action"] == "created":
        is_written = message is None and _create(event, chat, sender_id)
    else:
        is_written = message is not None and _change(event, message)
    if is_written:
        chat.last_seq = max(chat.last_seq, payload["seq"])
        chat.revision = max(chat.revision, payload["revision"])
        chat.published_seq = max(chat.published_seq, payload["seq"])
    return WRITTEN if is_written else TAKEN


def _create(event: Event, chat: Chat, sender_id: int) -> bool:
    payload = event.payload
    places = Q(seq=payload["seq"]) | Q(revision=payload["revision"])
    sent = Q(client_message_id=payload["clientMessageId"], sender=sender_id)
    if Message.objects.filter(places | sent, chat=chat).exists():
        return False
    reply_to = row_number(payload["replyTo"]) if payload.get("replyTo") else 0
    is_there = Message.objects.filter(pk=reply_to, chat=chat).exists()
    Message.objects.bulk_create(
        [
            Message(
                pk=row_number(payload["messageId"]),
                chat=chat,
                seq=payload["seq"],
                revision=payload["revision"],
                sender_id=sender_id,
                client_message_id=payload["clientMessageId"],
                content=payload["content"],
                created_at=event.happened_at,
                reply_to_id=reply_to if is_there else None,
            )
        ]
    )
    chat.last_message_at = max(chat.last_message_at or event.happened_at, event.happened_at)
    return True


def _change(event: Event, message: Message) -> bool:
    payload, moment = event.payload, event.happened_at
    is_ours = (message.chat_id, message.seq, str(message.client_message_id)) == (
        row_number(payload["chatId"]),
        payload["seq"],
        payload["clientMessageId"],
    )
    others = Message.objects.filter(chat=message.chat_id, revision=payload["revision"])
    if not is_ours or payload["revision"] <= message.revision or others.exists():
        return False
    match payload.get("moderation", payload["action"]):
        case "hidden":
            fields: dict[str, Any] = {"hidden_at": moment}
        case "restored":
            fields = {"hidden_at": None, "hidden_by": None, "content": payload["content"]}
        case "deleted":
            message.edits.all().delete()
            fields = {"content": "", "deleted_at": moment}
        case _:
            MessageEdit.objects.create(message=message, content=message.content, edited_at=moment)
            fields = {"content": payload["content"], "edited_at": moment}
    Message.objects.filter(pk=message.pk).update(revision=payload["revision"], **fields)
    return True


def _note(found: Found, outcome: str) -> None:
    """The outbox has it as what it is: published, at its place; or as given up, with the reason."""
    record, event = found
    is_known = outcome in {WRITTEN, NOTED}
    status = OutboxEvent.Status.PUBLISHED if is_known else OutboxEvent.Status.CANCELLED
    OutboxEvent.objects.create(
        event_id=event.event_id,
        topic=record.topic,
        key=event.key,
        event_type=event.event_type,
        schema_version=event.schema_version,
        payload=orjson.dumps(dict(event.payload)).decode(),
        traceparent=event.traceparent or "",
        created_at=event.produced_at,
        status=status,
        last_error="" if is_known else outcome,
        published_at=datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
        partition=record.partition,
        offset=record.offset,
    )


def _skip_ids(found: Sequence[Found]) -> None:
    """What was named to others by these ids keeps them."""
    found = [each for each in found if _is_ours(each.event)]
    if not found or connection.vendor != "postgresql":
        return
    fields = {Message: "messageId", Chat: "chatId", User: "senderId"}
    with connection.cursor() as cursor:
        for model, field in fields.items():
            highest = max(row_number(each.event.payload[field]) for each in found)
            table = model._meta.db_table
            cursor.execute(
                "SELECT setval(name, greatest(%s, nextval(name)))"
                " FROM (SELECT pg_get_serial_sequence(%s, 'id') AS name) AS ids",
                [highest, table],
            )


def _is_ours(event: Event) -> bool:
    if event.topic != MESSAGES_TOPIC or type(event.payload.get("revision")) is not int:
        return False
    names = ("messageId", "chatId", "senderId")
    try:
        return all(row_number(event.payload[name]) for name in names)
    except PermanentError:
        return False
