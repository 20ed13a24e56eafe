"""A post, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from chat.errors import ChatError

MAX_ATTACHMENTS: Final = 10

# Chat, sender and client_message_id: what makes a post the same post when it is sent again.
Key = tuple[int, int, UUID]


@dataclass(frozen=True, slots=True)
class NewPost:
    chat_id: int
    sender_id: int
    client_message_id: UUID
    content: str
    reply_to_id: int | None = None
    attachment_ids: tuple[UUID, ...] = ()

    @property
    def key(self) -> Key:
        return self.chat_id, self.sender_id, self.client_message_id


@dataclass(frozen=True, slots=True)
class Posted:
    message_id: int
    chat_id: int
    seq: int
    revision: int
    created_at: datetime
    duplicate: bool


Outcome = Posted | ChatError
