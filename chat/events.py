"""Turns changes of messages into events of the outbox, in the same transaction."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from chat.models import Message
from chat.payloads import timestamp
from chat.signals import messages_changed
from messaging.outbox import NewEvent, record_many

MESSAGES_TOPIC = "chat-messages"
# Reactions are not on the topic: the seed's five fields tell of messages only.
RECORDED_ACTIONS = frozenset({"created", "edited", "deleted"})


@receiver(messages_changed)
def record_messages(action: str, messages: list[Message], **kwargs: Any) -> None:
    if action in RECORDED_ACTIONS:
        record_many([message_event(message, action) for message in messages])


def message_event(message: Message, action: str) -> NewEvent:
    return NewEvent(
        topic=MESSAGES_TOPIC,
        key=str(message.chat_id),
        event_type=f"message.{action}",
        payload={
            "messageId": str(message.pk),
            "chatId": str(message.chat_id),
            "senderId": str(message.sender_id),
            "content": "" if message.is_deleted else message.content,
            "timestamp": timestamp(_moment_of(message, action)),
            "action": action,
            "seq": message.seq,
            "revision": message.revision,
            "replyTo": str(message.reply_to_id) if message.reply_to_id else None,
            "clientMessageId": str(message.client_message_id),
        },
    )


def _moment_of(message: Message, action: str) -> Any:
    moments = {"edited": message.edited_at, "deleted": message.deleted_at}
    return moments.get(action) or message.created_at
