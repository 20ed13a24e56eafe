"""The chat with the direct road to the browser switched off: Daphne is given this application.

Nobody is told of a message when it is committed, and no hub compares revisions by the clock: what a
browser sees has come through the outbox, Kafka and the consumer's heads.
"""

from __future__ import annotations

from webchat.asgi import application

__all__ = ["application"]

from chat.events.hub_commands import announce_messages
from chat.live import watch
from chat.signals import messages_changed

assert messages_changed.disconnect(announce_messages)
watch.HEADS_SECONDS = (1e6, 1e6)  # type: ignore[misc]  # Final to the product
