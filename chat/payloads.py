"""Rows as the browser gets them: plain dicts, the same on the socket and over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson

from chat.models import Message, User
from chat.text import excerpt

Payload = dict[str, Any]


def to_line(payload: Payload) -> str:
    """One frame line: JSON without a newline in it."""
    return orjson.dumps(payload).decode()


def timestamp(moment: datetime | None) -> str | None:
    """ISO-8601 in UTC with microseconds and a Z, as JavaScript reads it."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def person_payload(user: User) -> Payload:
    return {"id": user.pk, "name": user.name, "username": user.username}


def sender_payload(user: User) -> Payload:
    return {"id": user.pk, "name": user.name}


def message_payload(message: Message, *, reactions: Iterable[Any] | None = None) -> Payload:
    """One message. `reactions=()` spares the query for a message that was just made."""
    deleted = message.is_deleted
    rows = message.reactions.all() if reactions is None else reactions
    return {
        "id": message.pk,
        "chat_id": message.chat_id,
        "seq": message.seq,
        "revision": message.revision,
        "sender": sender_payload(message.sender),
        "content": "" if deleted else message.content,
        "created_at": timestamp(message.created_at),
        "edited_at": timestamp(message.edited_at),
        "deleted": deleted,
        "reply_to": quote_payload(message.reply_to) if message.reply_to_id else None,
        "client_message_id": str(message.client_message_id),
        "reactions": [] if deleted else reactions_payload(rows),
    }


def quote_payload(message: Message | None) -> Payload | None:
    if message is None:
        return None
    deleted = message.is_deleted
    return {
        "id": message.pk,
        "seq": message.seq,
        "sender": sender_payload(message.sender),
        "content": "" if deleted else excerpt(message.content),
        "deleted": deleted,
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
    return "message.edited" if message.edited_at else "message.created"
