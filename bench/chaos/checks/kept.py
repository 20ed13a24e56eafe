"""What the database has: each message that was written, once, in its words, without holes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bench.chaos.checks.violations import (
    DOUBLED,
    HOLE,
    OTHER_WORDS,
    UNCOMMITTED,
    Facts,
    Violation,
    place,
)


def each_message_once(facts: Facts) -> Iterator[Violation]:
    seen: dict[tuple[int, str], int] = {}
    for message in facts.stored.messages:
        key = message.sender, message.client_message_id
        if seen.setdefault(key, message.id) != message.id:
            yield Violation(DOUBLED, f"{place(message)} is message {seen[key]} once more")
        if message.client_message_id not in facts.sends:
            yield Violation(UNCOMMITTED, f"{place(message)} was written by nobody")


def numbers_without_holes(facts: Facts) -> Iterator[Violation]:
    seqs: dict[int, list[int]] = defaultdict(list)
    for message in facts.stored.messages:
        seqs[message.chat_id].append(message.seq)
    for chat in facts.stored.chats:
        if sorted(seqs[chat.id]) != list(range(1, chat.last_seq + 1)):
            words = f"chat {chat.id} has {len(seqs[chat.id])} messages up to {chat.last_seq}"
            yield Violation(HOLE, words)


def words_as_written(facts: Facts) -> Iterator[Violation]:
    for message in facts.stored.messages:
        said = "" if message.deleted else message.content
        if said not in facts.final_wordings(message):
            yield Violation(OTHER_WORDS, f"{place(message)} is kept as {said!r}")
