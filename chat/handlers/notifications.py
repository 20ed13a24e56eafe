"""Turns what comes back from the bus into notifications."""

from __future__ import annotations

from collections.abc import Sequence

from chat.events.row_ids import row_number
from chat.services.notifications import (
    Invited,
    Said,
    notify_of_invitations,
    notify_of_invites,
    notify_of_messages,
    take_back,
    take_back_mentions,
)
from chat.services.webhook_notices import (
    RightLost,
    SwitchedOff,
    notify_of_paused,
    notify_of_switched_off,
)
from messaging.contract.events import Event

# After these a person may have fewer rights.
TAKES_RIGHTS = frozenset(
    {
        "member.left",
        "member.removed",
        "member.role_changed",
        "person.banned",
        "person.rights_changed",
        "account.deleted",
    }
)
# The facts that make notifications.
TOLD_FACTS = TAKES_RIGHTS | {"member.added", "member.invited", "webhook.switched_off"}


def tell_of_messages(events: Sequence[Event]) -> None:
    gone = {row_number(event.payload["messageId"]) for event in events if _is_gone(event)}
    if gone:
        take_back(gone)
    edited = {row_number(event.payload["messageId"]) for event in events if _is_edited(event)}
    if edited:
        take_back_mentions(edited)
    notify_of_messages([_said(event) for event in events if not _is_gone(event)])


def tell_of_facts(events: Sequence[Event]) -> None:
    notify_of_invites(_invited(events, "member.added"))
    notify_of_invitations(_invited(events, "member.invited"))
    _tell_of_switched_off(events)
    _tell_of_paused(events)


def _tell_of_switched_off(events: Sequence[Event]) -> None:
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


def _tell_of_paused(events: Sequence[Event]) -> None:
    notify_of_paused(
        [
            RightLost(
                event_id=event.event_id,
                user_id=row_number(event.payload["targetId"]),
                chat_id=row_number(chat_id) if (chat_id := event.payload["chatId"]) else None,
            )
            for event in events
            if event.payload["action"] in TAKES_RIGHTS
        ]
    )


def _is_gone(event: Event) -> bool:
    return event.payload.get("action") == "deleted"


def _is_edited(event: Event) -> bool:
    return event.payload.get("action") == "edited"


def _said(event: Event) -> Said:
    reply_to = event.payload.get("replyTo")
    return Said(
        event_id=event.event_id,
        message_id=row_number(event.payload["messageId"]),
        chat_id=row_number(event.payload["chatId"]),
        content=event.payload["content"],
        reply_to_id=row_number(reply_to) if reply_to else None,
    )
