"""What a browser tells of messages that have come, and who has one's own."""

from __future__ import annotations

from chat.errors import ForbiddenError
from chat.limits.doors import under
from chat.limits.table import READS, RECEIPTS
from chat.models import User
from chat.reads.message_receipts import receipts_payload
from chat.services.access import membership_of, message_seen_by
from chat.services.cursors.receipts import Cursors, advance_cursors
from chat.wire.fields import Fields
from chat.wire.payloads import Payload


def cursors_of(fields: Fields) -> Cursors:
    return Cursors(
        fields.optional_number("delivered_seq") or 0, fields.optional_number("read_seq") or 0
    )


@under(RECEIPTS)
def send_receipt(user: User, fields: Fields) -> None:
    """In a transaction of its own; those of sockets are joined."""
    chat_id = fields.id("chat_id")
    membership_of(user, chat_id)
    advance_cursors({(chat_id, user.pk): cursors_of(fields)})


@under(READS)
def list_receipts(user: User, fields: Fields) -> Payload:
    """Of one's own message: what is not spread in large chats, and in small ones who it is."""
    message = message_seen_by(user, fields.id("message_id"))
    if message.sender_id != user.pk:
        raise ForbiddenError
    return receipts_payload(message, user, fields.page())
