"""What an engine answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chat.models import Message
from chat.search.words import Hit


@dataclass(frozen=True, slots=True)
class Found:
    """Messages, newest first, each with the places of what was found in it."""

    messages: Sequence[Message]
    hits: Sequence[Sequence[Hit]]
    # The search goes on before this id; None: this was the end.
    before_id: int | None
