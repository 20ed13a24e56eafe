"""What a frame of each type does in the database. One function per type, run in a reading thread.

Each checks membership through the services it calls; the consumer and the HTTP API share them, and
each holds who asks to the function's row of the table of limits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.utils.translation import gettext as _

from chat.errors import BadRequestError
from chat.limits.doors import Rule, Unlimited, under
from chat.limits.table import DELETES, EDITS, MESSAGES, PAGES, REACTIONS, TYPING
from chat.models import User
from chat.reads import history
from chat.services.access import membership_of
from chat.services.messages import delete_message, edit_message, set_reaction
from chat.wire.payloads import Payload
from chat.wire.protocol import Frame

Action = Callable[[User, Frame], Payload]


@under(EDITS)
def edit(user: User, frame: Frame) -> Payload:
    revision = edit_message(
        actor=user, message_id=frame.id("message_id"), content=frame.text("content")
    )
    return {"revision": revision}


@under(DELETES)
def delete(user: User, frame: Frame) -> Payload:
    return {"revision": delete_message(actor=user, message_id=frame.id("message_id"))}


@under(REACTIONS)
def react(user: User, frame: Frame) -> Payload:
    revision = set_reaction(
        actor=user,
        message_id=frame.id("message_id"),
        emoji=frame.text("emoji"),
        on=frame.flag("on"),
    )
    return {"revision": revision}


@under(PAGES)
def sync(user: User, frame: Frame) -> Payload:
    chat_id, revision = frame.id("chat_id"), frame.number("revision")
    membership_of(user, chat_id)
    return {"chat_id": chat_id, **history.changes_after(chat_id, revision)}


@under(PAGES)
def read_history(user: User, frame: Frame) -> Payload:
    chat_id = frame.id("chat_id")
    before, around = frame.optional_number("before_seq"), frame.optional_number("around_seq")
    if before is not None and around is not None:
        raise BadRequestError.of("around_seq", _("one of before_seq and around_seq"))
    membership_of(user, chat_id)
    if around is not None:
        page = history.page_around(chat_id, around)
    elif before is not None:
        page = history.page_before(chat_id, before)
    else:
        page = history.newest_page(chat_id)
    return {"chat_id": chat_id, **page}


ACTIONS: Final[dict[str, Action]] = {
    "message.edit": edit,
    "message.delete": delete,
    "reaction.set": react,
    "chat.sync": sync,
    "chat.history": read_history,
}

# The frames that the consumer sees to itself, with their rows.
OTHER_FRAMES: Final[dict[str, Rule]] = {
    "message.send": MESSAGES,
    "typing": TYPING,
    "receipt": Unlimited("Joined once a second, and paced: chat/live/receipt_buffer.py."),
    "ping": Unlimited("Does nothing; frames themselves are limited."),
}
