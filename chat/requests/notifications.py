"""What one is notified of, and of which chats."""

from __future__ import annotations

from chat.errors import BadRequestError
from chat.limits.doors import under
from chat.limits.table import CHANGES, NOTIFICATIONS_SEEN, READS
from chat.models import User
from chat.reads.notifications import notifications_page, notify_payload
from chat.services import notifications
from chat.wire.fields import Fields
from chat.wire.payloads import Payload

MAX_SEEN_AT_ONCE = 100


@under(CHANGES)
def set_notify(user: User, fields: Fields) -> Payload:
    membership = notifications.set_notify(
        user=user,
        chat_id=fields.id("chat_id"),
        level=fields.text("level"),
        mute_minutes=fields.optional_number("mute_minutes"),
    )
    return notify_payload(membership)


@under(READS)
def list_notifications(user: User, fields: Fields) -> Payload:
    return notifications_page(user, before=fields.optional_id("before"))


@under(NOTIFICATIONS_SEEN)
def see_notifications(user: User, fields: Fields) -> None:
    """Some by their ids, all up to one, or all."""
    if fields.has("ids"):
        notifications.see_notifications(user=user, ids=fields.ids("ids", most=MAX_SEEN_AT_ONCE))
    elif fields.has("up_to"):
        notifications.see_all_notifications(user=user, up_to=fields.id("up_to"))
    elif fields.given.get("all") is True:
        notifications.see_all_notifications(user=user)
    else:
        raise BadRequestError.of("ids", 'ids, up_to, "all": true')
