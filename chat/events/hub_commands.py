"""Tells the hubs of all processes what has been committed: the direct road to the browser.

Fast, and may lose things: when a hub compares revisions, it reads what did not arrive from the
database. Correctness must not depend on it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, Final, NamedTuple

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.dispatch import receiver

from chat.events.audiences import DELIVERY, PRESENCE, READING
from chat.models import Attachment, Message
from chat.models.changes import CHANGES
from chat.signals import NO_ATTACHMENTS, messages_changed
from chat.wire.payloads import message_payload, to_line

logger = logging.getLogger(__name__)

HUBS_GROUP: Final = "hubs"
HUB_MESSAGE: Final = "hub.events"
# Chats are divided into this many shards; a hub hears of those that it has rooms in. So many that
# two chats rarely share one. All processes must agree on it.
SHARDS: Final = 1024
# A process without a hub knows no shards of others: it tells groups, each of a part of the shards.
GROUPS: Final = 64
# It tells no more groups than this of one batch: above, it tells all hubs.
MAX_GROUPS: Final = 4


class Kind(StrEnum):
    """What hubs can be told to do."""

    # A line to all of a chat's sockets, to a part of them, to all of a person's.
    CHAT = "chat"
    READING = READING
    DELIVERY = DELIVERY
    PRESENCE = PRESENCE
    PERSON = "person"
    # A person's sockets start or stop getting a chat's lines.
    JOIN = "join"
    LEAVE = "leave"
    # A person's sockets must prove that their session still holds.
    RECHECK = "recheck"
    # A person is connected to the process that says so; a person no longer wants to be seen.
    PRESENT = "present"
    ABSENT = "absent"
    # A chat has reached this revision.
    HEAD = "head"


# About people, who may be connected anywhere.
FOR_EVERY_HUB: Final = frozenset({Kind.JOIN, Kind.LEAVE, Kind.RECHECK, Kind.ABSENT})


def shard_of(chat_id: int) -> int:
    return chat_id % SHARDS


def shard_group(shard: int) -> str:
    """The layer's group of the hubs that have rooms in this shard, or in one that shares it."""
    return f"{HUBS_GROUP}.{shard % GROUPS}"


class HubCommand(NamedTuple):
    """One thing for hubs to do. `line` is a frame line, serialised once for all sockets."""

    kind: Kind
    chat_id: int = 0
    user_id: int = 0
    # The line's place in its chat's order; 0: none (typing, status, members).
    revision: int = 0
    line: str = ""

    @property
    def shard(self) -> int | None:
        """Only hubs that have rooms in it are concerned; None: every hub is."""
        if self.kind in FOR_EVERY_HUB or not self.chat_id:
            return None
        return shard_of(self.chat_id)

    @classmethod
    def read(cls, kind: str, *fields: Any) -> HubCommand:
        """As it travels. Raises ValueError for a kind that this version does not know."""
        return cls(Kind(kind), *fields)

    @classmethod
    def to_chat(cls, chat_id: int, payload: dict[str, Any], *, revision: int = 0) -> HubCommand:
        return cls(Kind.CHAT, chat_id=chat_id, revision=revision, line=to_line(payload))

    @classmethod
    def to_audience(
        cls, audience: str, chat_id: int, payload: dict[str, Any], *, about: int = 0
    ) -> HubCommand:
        """To those of the chat's sockets that belong to the audience (chat/events/audiences.py).

        `about`: the person it is about; those kept apart from them by a block do not get it.
        """
        return cls(Kind(audience), chat_id=chat_id, user_id=about, line=to_line(payload))

    @classmethod
    def to_person(
        cls, user_id: int, payload: dict[str, Any], *, as_member_of: int = 0
    ) -> HubCommand:
        """`as_member_of`: a chat. Then only hubs with a room of it are told: enough for a line that
        the next one outdates, since a socket comes to its rooms a moment after it has come."""
        return cls(Kind.PERSON, chat_id=as_member_of, user_id=user_id, line=to_line(payload))

    @classmethod
    def join(cls, chat_id: int, user_id: int, revision: int) -> HubCommand:
        """This person's sockets get the chat's lines after `revision`, and are told it."""
        return cls(Kind.JOIN, chat_id=chat_id, user_id=user_id, revision=revision)

    @classmethod
    def leave(cls, chat_id: int, user_id: int) -> HubCommand:
        return cls(Kind.LEAVE, chat_id=chat_id, user_id=user_id)

    @classmethod
    def recheck(cls, user_id: int) -> HubCommand:
        return cls(Kind.RECHECK, user_id=user_id)

    @classmethod
    def present(cls, chat_id: int, user_id: int) -> HubCommand:
        return cls(Kind.PRESENT, chat_id=chat_id, user_id=user_id)

    @classmethod
    def absent(cls, user_id: int) -> HubCommand:
        return cls(Kind.ABSENT, user_id=user_id)

    @classmethod
    def head(cls, chat_id: int, revision: int) -> HubCommand:
        """A hub that has not seen this revision reads what it missed."""
        return cls(Kind.HEAD, chat_id=chat_id, revision=revision)


Publish = Callable[[Sequence[HubCommand]], None]
_lock = threading.Lock()
_hub_of_this_process: Publish | None = None


def use_hub(publish: Publish | None) -> None:
    """Sets this process's running hub (`publish` may be called from any thread), or None."""
    global _hub_of_this_process
    with _lock:
        _hub_of_this_process = publish


def announce(commands: Iterable[HubCommand]) -> None:
    """Publishes them when the current transaction has committed; at once if there is none."""
    transaction.on_commit(partial(spread, list(commands)), robust=True)


def spread(commands: Sequence[HubCommand]) -> None:
    """Passes them to this process's hub; if there is none, straight to the channel layer."""
    publish = _hub_of_this_process
    if publish is not None:
        publish(commands)
    elif settings.REDIS_URL:
        _send_to_other_processes(commands)


def layer_message(commands: Sequence[HubCommand], *, origin: str) -> dict[str, Any]:
    told = [(command.kind.value, *command[1:]) for command in commands]
    return {"type": HUB_MESSAGE, "origin": origin, "events": told}


def read_commands(message: Mapping[str, Any]) -> Iterator[HubCommand]:
    """The commands in a layer's message. One unknown to this version is logged and skipped."""
    for fields in message["events"]:
        try:
            yield HubCommand.read(*fields)
        except (TypeError, ValueError):
            # During an update, processes of another version are running; hubs find what they
            # changed by comparing revisions.
            logger.error("an unknown command for hubs", extra={"kind": str(fields[0])[:40]})


def _send_to_other_processes(commands: Sequence[HubCommand]) -> None:
    try:
        async_to_sync(_send_to_groups)(commands)
    except Exception:  # noqa: BLE001
        # Whatever the layer's client raises: the change is committed, and hubs will find it by
        # themselves.
        logger.warning(
            "hubs could not be told; they will catch up", extra={"commands": len(commands)}
        )


async def _send_to_groups(commands: Sequence[HubCommand]) -> None:
    layer = get_channel_layer()
    for group, told in by_group(commands).items():
        await layer.group_send(group, layer_message(told, origin=""))


def by_group(commands: Sequence[HubCommand]) -> dict[str, list[HubCommand]]:
    """Which of them to send to which of the layer's groups; each hub gets each at most once."""
    groups: dict[str, list[HubCommand]] = {}
    for command in commands:
        if command.shard is None:
            return {HUBS_GROUP: list(commands)}
        groups.setdefault(shard_group(command.shard), []).append(command)
    return groups if len(groups) <= MAX_GROUPS else {HUBS_GROUP: list(commands)}


@receiver(messages_changed)
def announce_messages(
    action: str,
    messages: list[Message],
    attachments: Mapping[int, list[Attachment]] = NO_ATTACHMENTS,
    **kwargs: Any,
) -> None:
    # A new message has no reactions, and its attachments are known: save the queries.
    is_new = action == "created"
    reactions = () if is_new else None
    announce(
        HubCommand.to_chat(
            message.chat_id,
            {
                "type": CHANGES[action].frame,
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
