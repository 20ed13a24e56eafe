"""What each event says in the audit log. The words of a message never get there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from django.utils.crypto import salted_hmac

from chat.audit.chain import Draft
from chat.events.row_ids import row_number
from messaging.contract.events import Event

# Of a message's event, as they are there.
TOLD = ("seq", "revision", "moderation")
FINGERPRINT_SALT = "chat.audit.words"


def draft_of_message(event: Event) -> Draft:
    payload = event.payload
    action = payload.get("action", "created")
    details = {name: payload[name] for name in TOLD if name in payload}
    if payload["content"]:
        details["words"] = fingerprint(payload["messageId"], payload["content"])
    return Draft(
        event_id=event.event_id,
        happened_at=event.happened_at,
        action=f"message.{action}",
        actor_id=_actor_of_message(payload),
        actor_name="",
        chat_id=row_number(payload["chatId"]),
        target_type="message",
        target_id=payload["messageId"],
        details=_written(details),
    )


def _actor_of_message(payload: Mapping[str, Any]) -> int | None:
    """Who hid or restored it, and why, is a fact of its own."""
    if "moderation" in payload:
        return None
    return row_number(payload.get("actorId") or payload["senderId"])


def draft_of_fact(event: Event) -> Draft:
    payload = event.payload
    return Draft(
        event_id=event.event_id,
        happened_at=event.happened_at,
        action=payload["action"],
        actor_id=row_number(payload["actorId"]) if payload["actorId"] else None,
        actor_name=payload.get("actorName", ""),
        chat_id=row_number(payload["chatId"]) if payload["chatId"] else None,
        target_type=payload["targetType"],
        target_id=payload["targetId"],
        details=_written(payload["details"]),
    )


def fingerprint(message_id: str, content: str) -> str:
    """Shows whether a message said just this, to those who have the words and the SECRET_KEY.

    HMAC-SHA256; two messages that say the same have different ones.
    """
    return salted_hmac(FINGERPRINT_SALT, f"{message_id}\0{content}", algorithm="sha256").hexdigest()


def _written(details: Any) -> str:
    return orjson.dumps(details, option=orjson.OPT_SORT_KEYS).decode()
