"""What an engine is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chat.models import Message
from chat.search.words import Hit


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: in these chats, which are the person's own."""

    chat_ids: Sequence[int]
    sender_id: int | None = None
    # Only messages with a smaller id; None: from the newest on.
    before_id: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Messages, newest first, each with the places of what was found in it."""

    messages: Sequence[Message]
    hits: Sequence[Sequence[Hit]]
    # The search goes on before this id; None: this was the end.
    before_id: int | None
