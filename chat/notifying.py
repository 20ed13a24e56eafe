"""Turns what comes back from the bus into notifications (group webchat-group)."""

from __future__ import annotations

from collections.abc import Sequence

from chat.event_ids import row_number
from chat.events import MESSAGES_TOPIC
from chat.facts import AUDIT_TOPIC
from chat.services.notifications import (
    Invited,
    Said,
    SwitchedOff,
    notify_of_invitations,
    notify_of_invites,
    notify_of_messages,
    notify_of_switched_off,
    take_back,
)
from messaging.events import Event
from messaging.registry import handler

NAME = "notifications"


@handler(topic=MESSAGES_TOPIC, name=NAME)
def tell_of_messages(events: Sequence[Event]) -> None:
    gone = {row_number(event.payload["messageId"]) for event in events if _is_gone(event)}
    if gone:
        take_back(gone)
    notify_of_messages([_said(event) for event in events if not _is_gone(event)])


@handler(topic=AUDIT_TOPIC, name=NAME)
def tell_of_facts(events: Sequence[Event]) -> None:
    notify_of_invites(_invited(events, "member.added"))
    notify_of_invitations(_invited(events, "member.invited"))
    notify_of_switched_off(
        [
            SwitchedOff(
                event_id=event.event_id,
                chat_id=row_number(event.payload["chatId"]),
                webhook_id=row_number(event.payload["targetId"]),
            )
            for event in events
            if event.payload["action"] == "webhook.switched_off"
            and event.payload["chatId"]
            and event.payload["details"].get("reason")
        ]
    )


def _invited(events: Sequence[Event], action: str) -> list[Invited]:
    return [
        Invited(
            event_id=event.event_id,
            chat_id=row_number(event.payload["chatId"]),
            user_id=row_number(event.payload["targetId"]),
            actor_id=row_number(event.payload["actorId"]),
        )
        for event in events
        if event.payload["action"] == action and event.payload["actorId"]
    ]


def _is_gone(event: Event) -> bool:
    return event.payload.get("action") == "deleted"


def _said(event: Event) -> Said:
    reply_to = event.payload.get("replyTo")
    return Said(
        event_id=event.event_id,
        message_id=row_number(event.payload["messageId"]),
        chat_id=row_number(event.payload["chatId"]),
        content=event.payload["content"],
        reply_to_id=row_number(reply_to) if reply_to else None,
    )
