"""Handlers' effects: once for each event, and no good record is set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bench.chaos.checks.violations import DEAD_LETTER, EFFECT, Facts, Violation

# Of chat.handlers.HANDLERS: the main group's, of an event on `chat-messages`.
OF_EVERY_EVENT = frozenset({"heads", "statuses", "notifications", "activity", "audit"})


def each_handled_once(facts: Facts) -> Iterator[Violation]:
    for event in facts.stored.events:
        what = f"{event.action} of chat {event.chat_id}, revision {event.revision}"
        if event.handled != dict.fromkeys(OF_EVERY_EVENT, 1):
            yield Violation(EFFECT, f"{what} was handled {event.handled}")
        if event.audited != 1:
            yield Violation(EFFECT, f"{what} has {event.audited} audit entries")


def counts_are_right(facts: Facts) -> Iterator[Violation]:
    """Counts are added to: whatever happened twice shows."""
    kept = Counter(message.chat_id for message in facts.stored.messages)
    for chat in facts.stored.chats:
        counted = facts.stored.counted.get(chat.id, 0)
        if counted != kept[chat.id]:
            words = f"chat {chat.id} has {kept[chat.id]} messages and {counted} counted"
            yield Violation(EFFECT, words)


def no_dead_letters(facts: Facts) -> Iterator[Violation]:
    for words in facts.stored.dead_letters:
        yield Violation(DEAD_LETTER, words)
