"""How far messages have come goes only forward, and never beyond what there is."""

from __future__ import annotations

from collections.abc import Iterator

from bench.chaos.checks.violations import BACKWARD, Facts, Violation


def only_forward(facts: Facts) -> Iterator[Violation]:
    """Who comes back finds nothing behind what they had before."""
    highest: dict[tuple[int, int, int, str], int] = {}
    for tick in facts.history.ticks:
        key = tick.person, tick.chat_id, tick.of, tick.cursor
        if tick.is_first and tick.seq < highest.get(key, 0):
            words = f"{tick.cursor} of {tick.of or 'the chat'} in chat {tick.chat_id}"
            told = f"{tick.person} was told {highest[key]}, then {tick.seq}"
            yield Violation(BACKWARD, f"{words}: {told}")
        highest[key] = max(tick.seq, highest.get(key, 0))


def never_taken_back(facts: Facts) -> Iterator[Violation]:
    """What anybody was told is kept; published is all in the end."""
    kept: dict[tuple[int, int, str], int] = {}
    ends = {chat.id: chat.last_seq for chat in facts.stored.chats}
    for chat in facts.stored.chats:
        kept[chat.id, 0, "published"] = chat.published_seq
        if chat.published_seq != chat.last_seq:
            words = f"chat {chat.id} is published up to {chat.published_seq} of {chat.last_seq}"
            yield Violation(BACKWARD, words)
    for one in facts.stored.cursors:
        kept[one.chat_id, one.person, "delivered"] = one.delivered
        kept[one.chat_id, one.person, "read"] = one.read
        if max(one.delivered, one.read) > ends[one.chat_id]:
            yield Violation(BACKWARD, f"{one} is beyond {ends[one.chat_id]}")
    for tick in facts.history.ticks:
        key = tick.chat_id, tick.of, tick.cursor
        if key in kept and tick.seq > kept[key]:
            yield Violation(BACKWARD, f"{key} was told as {tick.seq} and is kept as {kept[key]}")
