"""What can happen to a message: one row each, and what may be read of a message, in one place.

A new staff action on a message is a row here, its column in chat/models/messages.py and a service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Q


@dataclass(frozen=True, slots=True)
class Change:
    # Of the frame that browsers get: to them hiding and restoring are edits.
    frame: str
    # The action of the event on `chat-messages`; None: that topic has no event for it.
    action: str | None
    # The column that says when; None: none does, it is now.
    moment: str | None


# Reactions are not on the topic: its five fields tell of messages only. What staff has hidden is
# gone for others, until it comes back with its words.
CHANGES: Final = {
    "created": Change(frame="message.created", action="created", moment="created_at"),
    "edited": Change(frame="message.edited", action="edited", moment="edited_at"),
    "deleted": Change(frame="message.deleted", action="deleted", moment="deleted_at"),
    "hidden": Change(frame="message.edited", action="deleted", moment="hidden_at"),
    "restored": Change(frame="message.edited", action="edited", moment=None),
    "reacted": Change(frame="message.reacted", action=None, moment=None),
}


def readable(prefix: str = "") -> Q:
    """Messages whose text may be shown to members of their chats; `Message.is_readable` says the
    same of one. `prefix`: the path from the queried rows, such as "message__"."""
    return Q(**{f"{prefix}deleted_at__isnull": True, f"{prefix}hidden_at__isnull": True})
