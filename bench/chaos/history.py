"""What happened, as facts: what people tried, were answered and saw, and what was kept of it.

No behaviour: clients write these down (bench.chaos.person), the services are asked for the rest
(bench.chaos.evidence), and bench.chaos.checker judges them. Times are seconds of one clock.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

OK = "ok"
CREATED = "message.created"
PAGE = "page"  # how something was seen: as the answer to chat.sync, or in chat.changes


class Try(NamedTuple):
    """A frame that asks for a change; the same `client_message_id` again is the same message."""

    at: float
    person: int
    kind: str  # send, edit, delete, react
    chat_id: int
    request_id: str
    client_message_id: str = ""
    message_id: int = 0
    content: str = ""


class Answer(NamedTuple):
    at: float
    person: int
    request_id: str
    code: str = OK  # or that of the error
    message_id: int = 0
    seq: int = 0
    revision: int = 0
    duplicate: bool = False


class Message(NamedTuple):
    """As somebody was shown it, or as the database has it."""

    id: int
    chat_id: int
    seq: int
    sender: int
    client_message_id: str
    content: str
    deleted: bool = False
    revision: int = 0


class Seen(NamedTuple):
    """One message in one line of one connection; `applied`: it changed the person's screen."""

    at: float
    person: int
    connection: int
    how: str
    revision: int
    message: Message
    applied: bool


class Tick(NamedTuple):
    """How far a chat is published (`of` is 0), or somebody has received or read it; `is_first`: as
    a new connection was told in its welcome. Later lines may come late: a client takes the highest.
    """

    at: float
    person: int
    connection: int
    chat_id: int
    of: int
    cursor: str  # published, delivered, read
    seq: int
    is_first: bool = False


class Removal(NamedTuple):
    """Of a person, answered at this time."""

    at: float
    person: int
    chat_id: int


class Foreign(NamedTuple):
    """Something of a chat that is not the person's: a line, or an answer other than not_found."""

    at: float
    person: int
    chat_id: int
    what: str


class Screen(NamedTuple):
    """What a person who is back has before them in the end."""

    person: int
    chat_id: int
    messages: tuple[Message, ...]


@dataclass
class History:
    tries: list[Try] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)
    screens: list[Screen] = field(default_factory=list)


class KeptChat(NamedTuple):
    id: int
    last_seq: int
    revision: int
    published_seq: int


class KeptCursors(NamedTuple):
    chat_id: int
    person: int
    delivered: int
    read: int


class KeptEvent(NamedTuple):
    """Of the outbox; `handled`: how often, by handler; `audited`: how many entries."""

    id: str
    chat_id: int
    action: str  # created, edited, deleted
    revision: int
    is_published: bool
    handled: dict[str, int]
    audited: int


@dataclass
class Stored:
    """What the database has of the chats in question."""

    chats: list[KeptChat] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    cursors: list[KeptCursors] = field(default_factory=list)
    events: list[KeptEvent] = field(default_factory=list)
    counted: dict[int, int] = field(default_factory=dict)  # messages by chat, as the handler counts
    dead_letters: list[str] = field(default_factory=list)  # in words


class Record(NamedTuple):
    """Of the topic, in the order of its partition's offsets."""

    partition: int
    offset: int
    key: str
    event_id: str
    action: str
    message: Message


@dataclass
class Evidence:
    """`mercy_seconds`: how long after the removal of somebody words may still come to them."""

    history: History = field(default_factory=History)
    stored: Stored = field(default_factory=Stored)
    records: list[Record] = field(default_factory=list)
    mercy_seconds: float = 1.0

    def write(self, folder: Path) -> None:
        """A file for each kind of fact, a JSON object a line."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, facts in self._all():
            with (folder / f"{name}.jsonl").open("w") as file:
                file.writelines(f"{json.dumps(_plain(fact))}\n" for fact in facts)

    def _all(self) -> Iterator[tuple[str, list[Any]]]:
        yield "records", self.records
        for group in (self.history, self.stored):
            for each in fields(group):
                facts = getattr(group, each.name)
                yield each.name, list(facts.items()) if isinstance(facts, dict) else facts


def _plain(fact: Any) -> Any:
    if not hasattr(fact, "_asdict"):
        return fact
    return {name: _plain(value) for name, value in fact._asdict().items()}
