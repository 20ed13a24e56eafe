"""Rows as the browser gets them: plain dicts, the same on the socket and over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from django.urls import reverse

from chat.content.text import excerpt
from chat.models import Attachment, Message, User

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Made:
    """The answer to a request that has made something new; over HTTP that is a 201."""

    payload: Payload


def to_line(payload: Payload) -> str:
    """One frame line: JSON without a newline in it."""
    return orjson.dumps(payload).decode()


def timestamp(moment: datetime | None) -> str | None:
    """ISO-8601 in UTC with microseconds and a Z, as JavaScript reads it."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def person_payload(user: User) -> Payload:
    person = sender_payload(user)
    return {**person, "deleted": True} if user.deleted_at else person


def sender_payload(user: User) -> Payload:
    """Who did something. That it was a bot is said only of bots."""
    sender = {"id": user.pk, "name": user.name, "username": user.username}
    return {**sender, "is_bot": True} if user.is_bot else sender


def message_payload(
    message: Message,
    *,
    reactions: Iterable[Any] | None = None,
    attachments: Iterable[Attachment] | None = None,
) -> Payload:
    """One message. For one that was just made, what is given spares a query each."""
    is_readable = message.is_readable
    rows = message.reactions.all() if reactions is None else reactions
    payload = {
        "id": message.pk,
        "chat_id": message.chat_id,
        "seq": message.seq,
        "revision": message.revision,
        "sender": sender_payload(message.sender),
        "content": message.content if is_readable else "",
        "created_at": timestamp(message.created_at),
        "edited_at": timestamp(message.edited_at),
        "deleted": message.is_deleted,
        "reply_to": quote_payload(message.reply_to) if message.reply_to_id else None,
        "client_message_id": str(message.client_message_id),
        "reactions": reactions_payload(rows) if is_readable else [],
    }
    if is_readable:
        # Said only of those that have some: the others are spared the field.
        shown = message.attachments.all() if attachments is None else attachments
        if shown:
            payload["attachments"] = [attachment_payload(attachment) for attachment in shown]
    return payload if is_readable else payload | hidden_payload(message)


def hidden_payload(message: Message) -> Payload:
    """Said only of those that staff has hidden: the others are spared the field."""
    return {"hidden": True} if message.is_hidden and not message.is_deleted else {}


def quote_payload(message: Message | None) -> Payload | None:
    if message is None:
        return None
    return {
        "id": message.pk,
        "seq": message.seq,
        "sender": sender_payload(message.sender),
        "content": excerpt(message.content) if message.is_readable else "",
        "deleted": message.is_deleted,
        **hidden_payload(message),
        **wordless_payload(message),
    }


def wordless_payload(message: Message) -> Payload:
    """What a message without words shows instead, where there is room for one line."""
    if message.content or not message.is_readable:
        return {}
    # Sliced in Python: a slice of the QuerySet would ask again for what was prefetched.
    first = next(iter(message.attachments.all()), None)
    return {"attachment": {"kind": first.kind, "name": first.name}} if first else {}


def attachment_payload(attachment: Attachment) -> Payload:
    url = reverse("attachment", args=[attachment.pk])
    return {
        "id": str(attachment.pk),
        "kind": attachment.kind,
        "name": attachment.name,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "width": attachment.width,
        "height": attachment.height,
        "url": url,
        "preview_url": reverse("preview", args=[attachment.pk]) if attachment.preview else url,
    }


def reactions_payload(reactions: Iterable[Any]) -> list[Payload]:
    people: dict[str, list[int]] = {}
    for reaction in reactions:
        people.setdefault(reaction.emoji, []).append(reaction.user_id)
    return [{"emoji": emoji, "user_ids": ids} for emoji, ids in people.items()]


def change_payload(message: Message) -> Payload:
    """A message's present state as the change that a client that missed it applies."""
    return {
        "type": state_type(message),
        "revision": message.revision,
        "message": message_payload(message),
    }


def state_type(message: Message) -> str:
    if message.is_deleted:
        return "message.deleted"
    return "message.edited" if message.edited_at or message.hidden_at else "message.created"
