"""The chat in a process that is killed by its first post, at the point that DIES_AT names."""

from __future__ import annotations

import os
import signal
from typing import Any

from webchat.asgi import application

__all__ = ["application"]

from django.db import transaction

from chat.events.hub_commands import announce_messages
from chat.live import saving
from chat.services.posting.posting import post_messages
from chat.signals import messages_changed


def die(*arguments: Any, **fields: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_on_commit(**fields: Any) -> None:
    transaction.on_commit(die)


@transaction.atomic
def post_and_die_before_the_commit(*arguments: Any) -> None:
    post_messages(*arguments)
    die()


def post_and_die_before_the_reply(*arguments: Any) -> None:
    post_messages(*arguments)
    die()


match os.environ.get("DIES_AT"):
    case "before the commit":
        saving.post_messages = post_and_die_before_the_commit  # type: ignore[assignment, attr-defined]
    case "before anybody is told":
        assert messages_changed.disconnect(announce_messages)
        messages_changed.connect(die_on_commit)
    case "before the reply":
        saving.post_messages = post_and_die_before_the_reply  # type: ignore[assignment, attr-defined]
