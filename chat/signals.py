"""What the product announces, and who listens. Signals announce and decide nothing.

`messages_changed` is sent inside the transaction of every change of messages, by the services' bulk
path and by `post_save` for a message saved by any other route. Its receivers write the outbox
(chat.events) and tell the hubs on commit (chat.fanout).
"""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import Signal, receiver

from chat.models import Message

# Arguments: action ("created" | "edited" | "deleted" | "reacted"), messages (a list of Message).
messages_changed = Signal()


@receiver(post_save, sender=Message)
def announce_saved_message(
    sender: type[Message], instance: Message, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    if raw:
        return
    action = "created" if created else "deleted" if instance.is_deleted else "edited"
    messages_changed.send(sender=Message, action=action, messages=[instance])
