"""What the product announces, and who listens. Signals announce and decide nothing.

`messages_changed` is sent inside the transaction of every change of messages, by the services' bulk
path and by `post_save` for a message saved by any other route. Its receivers write the outbox
(chat.events.messages) and tell the hubs on commit (chat.events.hub_commands).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from django.db.models.signals import post_save
from django.dispatch import Signal, receiver

from chat.models import Attachment, Message

# Arguments: messages (a list of Message), action (one of chat.models.changes.CHANGES).
# With "created" also attachments, by message id, of those that have some.
messages_changed = Signal()
NO_ATTACHMENTS: Mapping[int, list[Attachment]] = MappingProxyType({})

# Sent inside the transaction that moves members' cursors. Argument: moved (a list of
# chat.events.statuses.Moved).
cursors_moved = Signal()


@receiver(post_save, sender=Message)
def announce_saved_message(
    sender: type[Message],
    instance: Message,
    created: bool,
    raw: bool = False,
    update_fields: Collection[str] | None = None,
    **kwargs: Any,
) -> None:
    if raw:
        return
    action = "created" if created else _change_of(instance, update_fields or ())
    messages_changed.send(sender=Message, action=action, messages=[instance])


def _change_of(message: Message, fields: Collection[str]) -> str:
    if message.is_deleted:
        return "deleted"
    if message.is_hidden:
        return "hidden"
    return "restored" if "hidden_at" in fields else "edited"
