"""Tells the hubs of all processes what was committed: the direct road to the browser.

Quick and allowed to lose: what does not arrive, a hub reads from the database when it compares
revisions. Nothing correct may rest on it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.dispatch import receiver

from chat.models import Attachment, Message
from chat.payloads import message_payload, to_line
from chat.signals import NO_ATTACHMENTS, messages_changed

logger = logging.getLogger(__name__)

HUBS_GROUP: Final = "hubs"
HUB_MESSAGE: Final = "hub.events"
# To a browser, hiding and restoring are changes like an edit.
FRAME_TYPES: Final = {"hidden": "message.edited", "restored": "message.edited"}


class HubEvent(NamedTuple):
    """One thing for hubs to do. `line` is a frame line, serialised once for all sockets."""

    kind: str
    chat_id: int = 0
    user_id: int = 0
    # A line's place in its chat's order; 0: it has none (typing, status, members).
    revision: int = 0
    line: str = ""

    @classmethod
    def to_chat(cls, chat_id: int, payload: dict[str, Any], *, revision: int = 0) -> HubEvent:
        return cls("chat", chat_id=chat_id, revision=revision, line=to_line(payload))

    @classmethod
    def to_audience(
        cls, audience: str, chat_id: int, payload: dict[str, Any], *, about: int = 0
    ) -> HubEvent:
        """To those of the chat's sockets that belong to it (chat/audiences.py).

        `about`: whose doing it tells of, to nobody whom a block keeps apart from them.
        """
        return cls(audience, chat_id=chat_id, user_id=about, line=to_line(payload))

    @classmethod
    def to_person(cls, user_id: int, payload: dict[str, Any]) -> HubEvent:
        return cls("person", user_id=user_id, line=to_line(payload))

    @classmethod
    def join(cls, chat_id: int, user_id: int, revision: int) -> HubEvent:
        """This person's sockets get the chat's lines after `revision`, which they are told of."""
        return cls("join", chat_id=chat_id, user_id=user_id, revision=revision)

    @classmethod
    def leave(cls, chat_id: int, user_id: int) -> HubEvent:
        return cls("leave", chat_id=chat_id, user_id=user_id)

    @classmethod
    def recheck(cls, user_id: int) -> HubEvent:
        """This person's sockets must prove that their session still holds."""
        return cls("recheck", user_id=user_id)

    @classmethod
    def present(cls, chat_id: int, user_id: int) -> HubEvent:
        """This person is connected to the process that says so."""
        return cls("present", chat_id=chat_id, user_id=user_id)

    @classmethod
    def absent(cls, user_id: int) -> HubEvent:
        """This person does not want to be seen any more."""
        return cls("absent", user_id=user_id)

    @classmethod
    def head(cls, chat_id: int, revision: int) -> HubEvent:
        """The chat has come this far; a hub that has not seen it reads what it missed."""
        return cls("head", chat_id=chat_id, revision=revision)


Publish = Callable[[Sequence[HubEvent]], None]
_lock = threading.Lock()
_hub_of_this_process: Publish | None = None


def use_hub(publish: Publish | None) -> None:
    """Names this process's running hub (`publish` may be called from any thread), or None."""
    global _hub_of_this_process
    with _lock:
        _hub_of_this_process = publish


def announce(events: Iterable[HubEvent]) -> None:
    """Spreads the events when the present transaction has committed; at once without one."""
    transaction.on_commit(partial(spread, list(events)), robust=True)


def spread(events: Sequence[HubEvent]) -> None:
    """Hands the events to this process's hub; without one, straight to the channel layer."""
    publish = _hub_of_this_process
    if publish is not None:
        publish(events)
    elif settings.REDIS_URL:
        _send_to_other_processes(events)


def layer_message(events: Sequence[HubEvent], *, origin: str) -> dict[str, Any]:
    return {"type": HUB_MESSAGE, "origin": origin, "events": [tuple(event) for event in events]}


def _send_to_other_processes(events: Sequence[HubEvent]) -> None:
    layer = get_channel_layer()
    try:
        async_to_sync(layer.group_send)(HUBS_GROUP, layer_message(events, origin=""))
    except Exception:  # noqa: BLE001
        # Whatever the layer's client raises: it was committed, and hubs will find it by themselves.
        logger.warning("hubs were not told, they will catch up", extra={"events": len(events)})


@receiver(messages_changed)
def announce_messages(
    action: str,
    messages: list[Message],
    attachments: Mapping[int, list[Attachment]] = NO_ATTACHMENTS,
    **kwargs: Any,
) -> None:
    # A message that was just made has no reactions, and what it shows is known: spare the queries.
    is_new = action == "created"
    reactions = () if is_new else None
    announce(
        HubEvent.to_chat(
            message.chat_id,
            {
                "type": FRAME_TYPES.get(action) or f"message.{action}",
                "chat_id": message.chat_id,
                "revision": message.revision,
                "message": message_payload(
                    message,
                    reactions=reactions,
                    attachments=attachments.get(message.pk, ()) if is_new else None,
                ),
            },
            revision=message.revision,
        )
        for message in messages
    )
