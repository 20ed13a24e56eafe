"""Turns changes of messages into events of the outbox, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from chat.events.topics import MESSAGES_TOPIC
from chat.models import Attachment, Message
from chat.models.changes import CHANGES
from chat.signals import NO_ATTACHMENTS, messages_changed
from chat.wire.payloads import timestamp
from messaging.outbox.recording import NewEvent, record_many


@receiver(messages_changed)
def record_messages(
    action: str,
    messages: list[Message],
    attachments: Mapping[int, list[Attachment]] = NO_ATTACHMENTS,
    **kwargs: Any,
) -> None:
    if CHANGES[action].action is not None:
        is_new = action == "created"
        record_many(
            [
                message_event(message, action, attachments.get(message.pk, ()) if is_new else None)
                for message in messages
            ]
        )


def message_event(
    message: Message, change: str, attachments: Sequence[Attachment] | None = None
) -> NewEvent:
    """Pass `attachments` where they are known, to save the query for them."""
    action = CHANGES[change].action
    return NewEvent(
        topic=MESSAGES_TOPIC,
        key=str(message.chat_id),
        event_type=f"message.{action}",
        payload={
            "messageId": str(message.pk),
            "chatId": str(message.chat_id),
            "senderId": str(message.sender_id),
            "content": message.content if message.is_readable else "",
            "timestamp": timestamp(_moment_of(message, change)),
            "action": action,
            "seq": message.seq,
            "revision": message.revision,
            "replyTo": str(message.reply_to_id) if message.reply_to_id else None,
            "clientMessageId": str(message.client_message_id),
            **({"moderation": change} if change != action else {}),
            **_actor_of(message),
            **_attachments(message, attachments),
        },
    )


def _attachments(message: Message, known: Sequence[Attachment] | None) -> dict[str, Any]:
    if not message.is_readable:
        return {}
    shown = message.attachments.all() if known is None else known
    return {"attachments": [_attachment(attachment) for attachment in shown]} if shown else {}


def _attachment(attachment: Attachment) -> dict[str, Any]:
    return {
        "id": str(attachment.pk),
        "kind": attachment.kind,
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": attachment.size,
    }


def _actor_of(message: Message) -> dict[str, str]:
    if message.changed_by_id in (None, message.sender_id):
        return {}
    return {"actorId": str(message.changed_by_id)}


def _moment_of(message: Message, change: str) -> Any:
    column = CHANGES[change].moment
    if column is None:
        return timezone.now()
    return getattr(message, column) or message.created_at
