"""Facts for the audit log that are not messages: recorded with the change, on `audit-events`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from chat.content.names import NAME_LENGTH
from chat.events.topics import AUDIT_TOPIC
from chat.models import User
from chat.wire.payloads import timestamp
from messaging.outbox.recording import NewEvent, record_many


@transaction.atomic
def record_fact(
    action: str,
    *,
    actor: User | str | None,
    chat_id: int | None = None,
    target: tuple[str, object] = ("", ""),
    details: Mapping[str, Any] | None = None,
) -> None:
    """Records that `actor` (None: nobody signed in; a name: an operator at a shell) did `action` to
    `target`.

    `action` is a noun and what happened to it ("member.added"); `target` a kind and an id
    ("person", 7); `details` is anything else worth knowing, as JSON: never the text of a message, a
    password or a token. Call it in the transaction of the change.
    """
    record_many([fact(action, actor=actor, chat_id=chat_id, target=target, details=details)])


def fact(
    action: str,
    *,
    actor: User | str | None,
    chat_id: int | None = None,
    target: tuple[str, object] = ("", ""),
    details: Mapping[str, Any] | None = None,
) -> NewEvent:
    """What `record_fact` records, for callers with many: `record_many([fact(…), …])`."""
    target_type, target_id = target
    person = actor if isinstance(actor, User) else None
    name = person.name if person else str(actor or "")
    return NewEvent(
        topic=AUDIT_TOPIC,
        key=str(chat_id) if chat_id else f"{target_type}:{target_id}",
        event_type=action,
        payload={
            "action": action,
            "actorId": str(person.pk) if person else None,
            "actorName": name[:NAME_LENGTH],
            "chatId": str(chat_id) if chat_id else None,
            "targetType": target_type,
            "targetId": str(target_id),
            "details": dict(details or {}),
            "timestamp": timestamp(timezone.now()),
        },
    )
