"""What each type of frame asks for. See Note [One function per request]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chat.limits.doors import Rule, Unlimited
from chat.limits.table import MESSAGES, TYPING
from chat.models import User
from chat.requests import messages
from chat.wire.fields import Fields
from chat.wire.payloads import Payload

Request = Callable[[User, Fields], Payload]

# One after the other, in a reading thread.
REQUESTS: Final[dict[str, Request]] = {
    "message.edit": messages.edit_message,
    "message.delete": messages.delete_message,
    "reaction.set": messages.set_reaction,
    "chat.sync": messages.sync_chat,
    "chat.history": messages.list_history,
}

# The frames that the consumer sees to itself, with their rows.
OTHER_FRAMES: Final[dict[str, Rule]] = {
    "message.send": MESSAGES,
    "typing": TYPING,
    "receipt": Unlimited("Joined once a second, and paced: chat/live/receipt_buffer.py."),
    "ping": Unlimited("Does nothing; frames themselves are limited."),
}
