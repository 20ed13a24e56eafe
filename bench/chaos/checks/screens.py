"""What people see: only what is kept, in its words and order, once; all of it in the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bench.chaos.checks.violations import (
    DOUBLED,
    LEAKED,
    LOST,
    OTHER_WORDS,
    REORDERED,
    UNCOMMITTED,
    Facts,
    Violation,
    place,
)
from bench.chaos.history import CREATED, OK, Message, Screen


def only_what_is_kept(facts: Facts) -> Iterator[Violation]:
    judged: set[Message] = set()
    for seen in facts.history.seen:
        message = seen.message._replace(revision=0)
        if message in judged:
            continue
        judged.add(message)
        yield from _as_kept(facts, message, f"{seen.person} saw {place(message)}")


def _as_kept(facts: Facts, message: Message, what: str) -> Iterator[Violation]:
    kept = facts.kept.get(message.id)
    if kept is None or (kept.chat_id, kept.seq) != (message.chat_id, message.seq):
        yield Violation(UNCOMMITTED, f"{what}; the database has {kept}")
    elif (kept.sender, kept.client_message_id) != (message.sender, message.client_message_id):
        yield Violation(OTHER_WORDS, f"{what} of {message.sender}; it is of {kept.sender}")
    elif message.content not in facts.wordings(message):
        yield Violation(OTHER_WORDS, f"{what} as {message.content!r}")


def events_once_and_in_order(facts: Facts) -> Iterator[Violation]:
    """A new message that comes by itself is new, and after all that were there."""
    there: dict[tuple[int, int], set[int]] = defaultdict(set)
    for seen in facts.history.seen:
        if not seen.applied:
            continue
        seqs, seq = there[seen.person, seen.message.chat_id], seen.message.seq
        if seen.how == CREATED:
            what = f"{place(seen.message)} came to {seen.person}"
            if seq in seqs:
                yield Violation(DOUBLED, f"{what} as new, once more")
            elif seqs and seq < max(seqs):
                yield Violation(REORDERED, f"{what} after {max(seqs)}")
        seqs.add(seq)


def only_ones_own(facts: Facts) -> Iterator[Violation]:
    for found in facts.history.foreign:
        yield Violation(LEAKED, f"to {found.person}, of chat {found.chat_id}: {found.what}")
    for seen in facts.history.seen:
        message = seen.message
        ends = facts.removed_at.get((seen.person, message.chat_id))
        sends = facts.sends.get(message.client_message_id)
        if ends is not None and sends and sends[0].at > ends:
            late = sends[0].at - ends
            words = f"{place(message)} to {seen.person}, removed; written {late:.1f} s too late"
            yield Violation(LEAKED, words)


def nobody_writes_after_removal(facts: Facts) -> Iterator[Violation]:
    for answer in facts.history.answers:
        tried = facts.tries.get(answer.request_id)
        if tried is None or answer.code != OK or answer.duplicate:
            continue
        ends = facts.removed_at.get((tried.person, tried.chat_id))
        if ends is not None and tried.at > ends:
            yield Violation(LEAKED, f"{tried.kind} of {tried.person}, removed, was answered ok")


def everyone_has_all(facts: Facts) -> Iterator[Violation]:
    kept: dict[int, dict[int, Message]] = defaultdict(dict)
    for message in facts.stored.messages:
        kept[message.chat_id][message.seq] = message
    for screen in facts.history.screens:
        if not facts.was_removed(screen.person, screen.chat_id):
            yield from _has_all(screen, kept[screen.chat_id])


def _has_all(screen: Screen, kept: dict[int, Message]) -> Iterator[Violation]:
    shown = {message.seq: message for message in screen.messages}
    if missing := sorted(kept.keys() - shown.keys()):
        words = f"{len(missing)} messages of chat {screen.chat_id} for {screen.person}"
        yield Violation(LOST, f"{words}, the first is {missing[0]}")
    for seq in kept.keys() & shown.keys():
        told, true = shown[seq], kept[seq]
        if (told.id, told.content, told.deleted) != (true.id, true.content, true.deleted):
            yield Violation(LOST, f"{place(true)}: {screen.person} has {told}, kept is {true}")
