"""Every event is on the topic, in the order of its chat, once by event id, in its words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bench.chaos.checks.violations import (
    DOUBLED,
    MISSING_ON_TOPIC,
    OTHER_WORDS,
    TOPIC_ORDER,
    UNCOMMITTED,
    Facts,
    Violation,
    place,
)
from bench.chaos.history import Record


def every_event_is_there(facts: Facts) -> Iterator[Violation]:
    there = {record.event_id for record in facts.records}
    for event in facts.stored.events:
        if event.id not in there or not event.is_published:
            where = "is not on the topic" if event.id not in there else "is not marked as sent"
            yield Violation(
                MISSING_ON_TOPIC,
                f"{event.action} of chat {event.chat_id}, revision {event.revision}, {where}",
            )


def every_message_has_its_event(facts: Facts) -> Iterator[Violation]:
    created = {one.message.id for one in facts.records if one.action == "created"}
    for message in facts.stored.messages:
        if message.id not in created:
            yield Violation(MISSING_ON_TOPIC, f"{place(message)} was never told of")
    events = {(event.chat_id, event.revision) for event in facts.stored.events}
    for answer in facts.history.answers:
        tried = facts.tries.get(answer.request_id)
        if tried is None or answer.code != "ok" or tried.kind not in ("edit", "delete"):
            continue
        if (tried.chat_id, answer.revision) not in events:
            words = f"{tried.kind} of message {tried.message_id}, answered {answer.revision}"
            yield Violation(MISSING_ON_TOPIC, words)


def in_order_and_once(facts: Facts) -> Iterator[Violation]:
    """By the first record of each event: it may be sent again, later."""
    first: dict[str, Record] = {}
    newest: dict[int, Record] = {}
    partitions: dict[int, set[int]] = defaultdict(set)
    for record in facts.records:
        message = record.message
        partitions[message.chat_id].add(record.partition)
        if record.event_id in first:
            if first[record.event_id].message != message:
                yield Violation(OTHER_WORDS, f"event {record.event_id} was sent in other words")
            continue
        first[record.event_id] = record
        before = newest.get(message.chat_id)
        if before is not None and message.revision == before.message.revision:
            words = f"revision {message.revision} of chat {message.chat_id} as two events"
            yield Violation(DOUBLED, words)
        elif before is not None and message.revision < before.message.revision:
            words = f"chat {message.chat_id}: revision {message.revision} after"
            yield Violation(TOPIC_ORDER, f"{words} {before.message.revision}")
        newest[message.chat_id] = max(
            filter(None, (before, record)), key=lambda one: one.message.revision
        )
    for chat_id, found in partitions.items():
        if len(found) > 1:
            yield Violation(TOPIC_ORDER, f"chat {chat_id} is on partitions {sorted(found)}")


def only_what_is_kept(facts: Facts) -> Iterator[Violation]:
    events = {event.id: event for event in facts.stored.events}
    for record in facts.records:
        event, message = events.get(record.event_id), record.message
        kept = facts.kept.get(message.id)
        what = f"{record.action} of {place(message)} on the topic"
        if event is None or kept is None or kept.seq != message.seq:
            yield Violation(UNCOMMITTED, f"{what}; kept are {event} and {kept}")
        elif record.key != str(message.chat_id) or kept.sender != message.sender:
            yield Violation(OTHER_WORDS, f"{what}, with key {record.key}, of {message.sender}")
        elif message.content not in _words_of(facts, record):
            yield Violation(OTHER_WORDS, f"{what} as {message.content!r}")


def _words_of(facts: Facts, record: Record) -> set[str]:
    message = record.message
    if record.action == "created":
        return {one.content for one in facts.sends.get(message.client_message_id, ())}
    if record.action == "deleted":
        return {""}
    return {one.content for one in facts.changes.get(message.id, ()) if one.kind == "edit"}
