"""What one person has of one chat, put together as the wire contract says a client does. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bench.chaos.history import Message


class ChatScreen:
    """Has everything up to `revision`; `newest` is the highest that it has heard of."""

    def __init__(self) -> None:
        self.revision = self.newest = 0
        self.by_seq: dict[int, Message] = {}

    @property
    def is_behind(self) -> bool:
        return self.newest > self.revision

    def hear_of(self, revision: int) -> None:
        self.newest = max(self.newest, revision)

    def take_event(self, revision: int, message: Message) -> bool:
        """Whether it was the next one: an older one is dropped, after a newer one there is a hole
        to be asked for."""
        self.hear_of(revision)
        if revision != self.revision + 1:
            return False
        self.by_seq[message.seq] = message
        self.revision = revision
        return True

    def take_page(
        self, after: int, revision: int, changes: Iterable[tuple[int, Message]]
    ) -> list[bool]:
        """What was applied of each change: nothing of a page that begins beyond a hole."""
        self.hear_of(revision)
        if after > self.revision:
            return [False for _ in changes]
        applied = []
        for number, message in changes:
            is_new = number > self.revision
            if is_new:
                self.by_seq[message.seq] = message
            applied.append(is_new)
        self.revision = max(self.revision, revision)
        return applied
