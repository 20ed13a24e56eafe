"""What is reported, as it is at that moment: kept with the report, whatever happens to it later.

It is what people wrote: never logged, never on the bus. Of files it keeps what they were called.
"""

from __future__ import annotations

from chat.models import Chat, Message, User
from chat.reads.history import MAX_WORDINGS
from chat.wire.payloads import Payload, timestamp


def message_evidence(message: Message) -> Payload:
    """With as many earlier wordings as people see: what was said first is often what is meant."""
    earlier = message.edits.order_by("-pk").values_list("content", flat=True)[:MAX_WORDINGS]
    return {
        "sender_id": message.sender_id,
        "content": message.content,
        "created_at": timestamp(message.created_at),
        "edited_at": timestamp(message.edited_at),
        "earlier": list(earlier)[::-1],
        "attachments": [
            {"name": file.name, "content_type": file.content_type, "size": file.size}
            for file in message.attachments.all()
        ],
    }


def person_evidence(person: User) -> Payload:
    return {"name": person.name, "username": person.username}


def chat_evidence(chat: Chat) -> Payload:
    return {"title": chat.title, "kind": chat.kind}
