"""What can be wrong, in one word each, and the facts that every check looks up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from bench.chaos.history import OK, Answer, Evidence, Message, Try

LOST = "lost"  # kept, and a member who is back does not have it
DOUBLED = "doubled"
REORDERED = "reordered"
LEAKED = "leaked"  # to somebody who is not, or no longer, in the chat
FALSE_OK = "false ok"  # answered, and not kept so
OTHER_WORDS = "other words"  # than those that were written
UNCOMMITTED = "uncommitted"  # seen or on a topic, and not kept
BACKWARD = "backward"  # a status
MISSING_ON_TOPIC = "missing on topic"
TOPIC_ORDER = "topic order"
EFFECT = "effect"  # a handler's: none, or more than once
DEAD_LETTER = "dead letter"  # of a good record
REFUSED = "refused"  # a member's message, for good
UNANSWERED = "unanswered"
HOLE = "hole"  # in the numbers of a chat


@dataclass(frozen=True, slots=True)
class Violation:
    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


class Facts:
    """The evidence by what it is looked up by."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.history, self.stored = evidence.history, evidence.stored
        self.records = evidence.records

    @cached_property
    def tries(self) -> dict[str, Try]:
        """By request."""
        return {one.request_id: one for one in self.history.tries}

    @cached_property
    def sends(self) -> dict[str, list[Try]]:
        """Of each message, by its client's id, in the order of trying."""
        found: dict[str, list[Try]] = defaultdict(list)
        for one in self.history.tries:
            if one.kind == "send":
                found[one.client_message_id].append(one)
        return found

    @cached_property
    def changes(self) -> dict[int, list[Try]]:
        """Edits and deletions, by message."""
        found: dict[int, list[Try]] = defaultdict(list)
        for one in self.history.tries:
            if one.kind in ("edit", "delete"):
                found[one.message_id].append(one)
        return found

    @cached_property
    def answers(self) -> dict[str, Answer]:
        return {one.request_id: one for one in self.history.answers}

    @cached_property
    def kept(self) -> dict[int, Message]:
        """By id."""
        return {one.id: one for one in self.stored.messages}

    @cached_property
    def removed_at(self) -> dict[tuple[int, int], float]:
        """By person and chat: from when on nothing may be told."""
        mercy = self.evidence.mercy_seconds
        return {(one.person, one.chat_id): one.at + mercy for one in self.history.removals}

    def was_removed(self, person: int, chat_id: int) -> bool:
        return (person, chat_id) in self.removed_at

    def wordings(self, message: Message) -> set[str]:
        """All that the message may ever have said."""
        written = {one.content for one in self.sends.get(message.client_message_id, ())}
        return written | {one.content for one in self.changes.get(message.id, ())}

    def final_wordings(self, message: Message) -> set[str]:
        """What it may say in the end: the last change that was answered, or one after it, or one
        of whose outcome nobody was told."""
        tries = self.changes.get(message.id, ())
        told = [(self.answers[one.request_id], one) for one in tries if self._is_ok(one)]
        unknown = {one.content for one in tries if self._may_be_done(one)}
        if any(one.kind == "delete" for _, one in told):
            return {""}
        if told:
            _, last = max(told, key=lambda pair: pair[0].revision)
            return {last.content} | unknown
        return {one.content for one in self.sends.get(message.client_message_id, ())} | unknown

    def _is_ok(self, one: Try) -> bool:
        answer = self.answers.get(one.request_id)
        return answer is not None and answer.code == OK

    def _may_be_done(self, one: Try) -> bool:
        answer = self.answers.get(one.request_id)
        return answer is None or answer.code == "unavailable"


def place(message: Message) -> str:
    return f"message {message.id} ({message.chat_id}:{message.seq})"
