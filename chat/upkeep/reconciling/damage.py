"""Every kind of damage: its code, which is a contract, what it says and what can be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    sentence: str
    repair: str
    is_repairable: bool = True


SENT_AGAIN = "sent again under the same event id, after whatever its chat has sent since"
CORRECTED = "corrected under the chat's lock"

KINDS = {
    "seq_hole": Kind(
        "messages {first} to {last} are missing",
        "needs a person: restore them from a backup; a seq is never given twice",
        is_repairable=False,
    ),
    "revision_hole": Kind(
        "revision {revision} was given, but no message has one above {highest}",
        "needs a person: a change is lost; compare with a backup",
        is_repairable=False,
    ),
    "wrong_last_seq": Kind("last_seq is {found}, but the last message has {expected}", CORRECTED),
    "wrong_revision": Kind("revision is {found}, but a message has {expected}", CORRECTED),
    "wrong_published_seq": Kind(
        "published_seq is {found}, beyond the last message ({expected})", CORRECTED
    ),
    "wrong_last_message_at": Kind("last_message_at is not the time of the last message", CORRECTED),
    "wrong_member_count": Kind(
        "member_count is {found}, but {expected} people are in it", CORRECTED
    ),
    "wrong_cursor": Kind(
        "person {user}: delivered {delivered}, read {read}, of {last_seq}", CORRECTED
    ),
    "wrong_activity": Kind(
        "person {user}, {day}: {found} messages counted, {expected} written",
        "manage.py kafka_replay --handler activity --since {day} --execute",
        is_repairable=False,
    ),
    "message_without_event": Kind(
        "no event says that it was {action}", "the event is written and sent now"
    ),
    "lost_words_without_event": Kind(
        "no event says that it was {action}, and its text is gone or hidden",
        "nothing to send: another event says that it is gone",
        is_repairable=False,
    ),
    "event_without_message": Kind(
        "event {event} is about message {message}, which does not exist",
        "needs a person: the message was removed, or the database is older than the topic",
        is_repairable=False,
    ),
    "waiting_event_without_message": Kind(
        "event {event} is waiting and is about message {message}, which does not exist",
        "cancelled: it never goes out",
    ),
    "double_event": Kind(
        "event {event} repeats event {first}",
        "needs a person: both are on the bus; handlers have counted it twice",
        is_repairable=False,
    ),
    "waiting_double_event": Kind(
        "event {event} is waiting and repeats event {first}", "cancelled: it never goes out"
    ),
    "unhandled_event": Kind(
        "event {event} was passed over by {handlers}, and is not a dead letter", SENT_AGAIN
    ),
    "unaudited_event": Kind(
        "event {event} is not in the audit log, though it was handled",
        "manage.py kafka_replay --handler audit --all --execute; then manage.py audit_verify",
        is_repairable=False,
    ),
    "lost_on_topic": Kind("event {event} was published, but is not on its topic", SENT_AGAIN),
    "record_without_row": Kind(
        "{place} has event {event}, which neither outbox nor audit log knows",
        "another producer wrote it, or the database is older than the topic: then stop all that"
        " writes and run manage.py catch_up_with_topics",
        is_repairable=False,
    ),
}


@dataclass(frozen=True, slots=True)
class Damage:
    """`ref` is the row that a repair begins with: a chat's, a membership's, a message's, an
    event's; `values` fill the sentence."""

    code: str
    chat_id: int | None
    seq: int | None = None
    ref: int = 0
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_repairable(self) -> bool:
        return KINDS[self.code].is_repairable

    @property
    def sentence(self) -> str:
        return KINDS[self.code].sentence.format(**self.values)

    @property
    def repair(self) -> str:
        return KINDS[self.code].repair.format(**self.values)

    def as_json(self) -> dict[str, Any]:
        """These names are a contract."""
        return {
            "code": self.code,
            "chat": self.chat_id,
            "seq": self.seq,
            "sentence": self.sentence,
            "repair": self.repair,
            "repairable": self.is_repairable,
        }
