"""Somebody with one socket, who writes down what they tried, were told and saw.

Comes back whenever the line breaks, to either web process; asks for what was missed; sends again,
with the same client's id, what was not answered.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any
from uuid import UUID

from bench.chaos.checks.answers import COME_AGAIN
from bench.chaos.history import (
    OK,
    PAGE,
    Answer,
    Foreign,
    History,
    Message,
    Screen,
    Seen,
    Tick,
    Try,
)
from bench.chaos.screen import ChatScreen
from bench.chaos.visitor import Line, Visitor

# So many unanswered at most, of one person.
WINDOW = 20
ALIVE, SYNC, FOREIGN = "alive", "sync", "foreign"
EMOJI = ("👍", "❤️", "😂", "🎉")
CURSORS = ("published", "delivered", "read")


def message_of(payload: Line) -> Message:
    return Message(
        payload["id"],
        payload["chat_id"],
        payload["seq"],
        payload["sender"]["id"],
        payload["client_message_id"],
        payload["content"],
        payload["deleted"],
        payload["revision"],
    )


class Person(Visitor):
    def __init__(
        self, sign_in: Line, addresses: Sequence[str], history: History, chance: Random
    ) -> None:
        super().__init__(sign_in["cookie"], addresses, chance)
        self.chat_id = int(sign_in["chat"])
        self.screen = ChatScreen()
        self.id = 0
        self.is_out = False
        self.has_come = asyncio.Event()
        self.waiting: dict[str, Try] = {}
        self._history = history
        self._numbers = itertools.count(1)
        self._is_syncing = False
        self._own: list[Answer] = []
        self._answered: list[Try] = []

    def is_gone(self) -> None:
        super().is_gone()
        self._is_syncing = False

    # Doing

    def act(self) -> None:
        """One thing, as people do it."""
        if self.is_out:
            return self._try_in_spite()
        if len(self.waiting) >= WINDOW:
            return None
        happens = self._chance.random()
        if happens < 0.90 or not self._own:
            return self.write(f"{self.id}:{next(self._numbers)}")
        if happens < 0.92:
            return self.send_again(self._chance.choice(self._answered[-50:]))
        if happens < 0.94:
            return self._change("edit", content=f"{self.id}:{next(self._numbers)} edited")
        if happens < 0.945:
            return self._change("delete")
        if happens < 0.96:
            return self._change("react")
        if happens < 0.995:
            return self._read()
        return self.go_for_a_moment()

    def write(self, content: str) -> None:
        client_message_id = str(UUID(int=self._chance.getrandbits(128), version=4))
        self._try(self._new("send", client_message_id=client_message_id, content=content))

    def send_again(self, first: Try) -> None:
        """The same message: whatever was answered, it stays one."""
        again = {"client_message_id": first.client_message_id, "content": first.content}
        self._try(self._new("send", **again))

    def ask_for_another_chat(self, chat_id: int) -> None:
        self.say("chat.history", f"{FOREIGN}-{chat_id}", chat_id=chat_id)

    def _change(self, kind: str, content: str = "") -> None:
        chosen = self._chance.choice(self._own[-50:]).message_id
        self._try(self._new(kind, message_id=chosen, content=content))

    def _read(self) -> None:
        newest = max(self.screen.by_seq, default=0)
        read = self._chance.randint(0, newest)
        self.say("receipt", None, chat_id=self.chat_id, delivered_seq=newest, read_seq=read)

    def _try_in_spite(self) -> None:
        """Somebody who was sent out tries to go on as before."""
        if self._chance.random() > 0.05:
            return
        self.write(f"{self.id}:{next(self._numbers)} from outside")
        self.say("chat.sync", f"{FOREIGN}-{self.chat_id}", chat_id=self.chat_id, revision=0)

    def _new(self, kind: str, **fields: Any) -> Try:
        request_id = f"{self.id}-{kind}-{next(self._numbers)}"
        return Try(time.monotonic(), self.id, kind, self.chat_id, request_id, **fields)

    def _try(self, one: Try) -> None:
        self._history.tries.append(one)
        self.waiting[one.request_id] = one
        self._tell(one)

    def _tell(self, one: Try) -> None:
        if not self.is_welcome:
            return
        match one.kind:
            case "send":
                fields: Line = {
                    "chat_id": one.chat_id,
                    "client_message_id": one.client_message_id,
                    "content": one.content,
                }
                self.say("message.send", one.request_id, **fields)
            case "edit":
                fields = {"message_id": one.message_id, "content": one.content}
                self.say("message.edit", one.request_id, **fields)
            case "delete":
                self.say("message.delete", one.request_id, message_id=one.message_id)
            case "react":
                emoji = self._chance.choice(EMOJI)
                fields = {"message_id": one.message_id, "emoji": emoji, "on": True}
                self.say("reaction.set", one.request_id, **fields)

    def sync(self) -> None:
        """Once at a time; nothing while nobody is there to ask."""
        if self.is_welcome and not self._is_syncing and not self.is_out:
            self._is_syncing = True
            self.say("chat.sync", SYNC, chat_id=self.chat_id, revision=self.screen.revision)

    # Hearing

    def take(self, line: Line) -> None:
        kind = line["type"]
        if line.get("chat_id", self.chat_id) != self.chat_id and "request_id" not in line:
            self._is_foreign(line["chat_id"], kind)
        elif kind.startswith("message."):
            self._take_event(line)
        elif taker := TAKERS.get(kind):
            taker(self, line)

    def _take_welcome(self, line: Line) -> None:
        self.id = line["user"]["id"]
        self.is_welcome = True
        self.has_come.set()
        self.connection += 1
        chats = {chat["id"]: chat for chat in line["chats"]}
        for chat_id in chats.keys() - {self.chat_id}:
            self._is_foreign(chat_id, "welcome")
        if self.chat_id not in chats:
            self.is_out = True
            return
        self._take_first_ticks(chats[self.chat_id])
        self._hear_of(chats[self.chat_id]["revision"])
        for one in list(self.waiting.values()):
            if one.kind == "send":
                self._tell(one)
            else:
                del self.waiting[one.request_id]  # it may have been done or not

    def _take_reply(self, line: Line) -> None:
        request_id = line["request_id"]
        if "changes" in line and request_id == SYNC:
            self._is_syncing = False
            self._take_page(line)
        elif str(request_id).startswith(FOREIGN):
            chat_id = int(request_id.partition("-")[2])
            if chat_id != self.chat_id or self.is_out:
                self._is_foreign(chat_id, "answered")
        elif tried := self.waiting.pop(request_id, None):
            self._note(line, OK)
            self._is_done(tried, self._history.answers[-1])

    def _is_done(self, tried: Try, answer: Answer) -> None:
        if tried.kind == "send":
            self._answered.append(tried)
            if not answer.duplicate:
                self._own.append(answer)

    def _take_error(self, line: Line) -> None:
        request_id = line["request_id"]
        again_in = max(line.get("retry_after") or 0, 0.3) + self._chance.random() / 2
        if request_id == SYNC:
            self._is_syncing = False
            self._later(again_in, self.sync)
        elif tried := self.waiting.get(request_id):
            self._note(line, line["code"])
            if tried.kind == "send" and line["code"] in COME_AGAIN:
                self._later(again_in, lambda: self._tell_if_waiting(tried))
            else:
                del self.waiting[request_id]

    def _tell_if_waiting(self, tried: Try) -> None:
        if tried.request_id in self.waiting:
            self._tell(tried)

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, what)

    def _note(self, line: Line, code: str) -> None:
        self._history.answers.append(
            Answer(
                time.monotonic(),
                self.id,
                line["request_id"],
                code,
                line.get("message_id", 0),
                line.get("seq", 0),
                line.get("revision", 0),
                line.get("duplicate", False),
            )
        )

    def _take_event(self, line: Line) -> None:
        message = message_of(line["message"])
        applied = self.screen.take_event(line["revision"], message)
        self._saw(line["type"], line["revision"], message, applied)
        if self.screen.is_behind:
            self.sync()

    def _take_page(self, line: Line) -> None:
        changes = [(one["revision"], message_of(one["message"])) for one in line["changes"]]
        applied = self.screen.take_page(line["after"], line["revision"], changes)
        for (revision, message), is_new in zip(changes, applied, strict=True):
            self._saw(PAGE, revision, message, is_new)
        if line["more"] or self.screen.is_behind:
            self.sync()

    def _saw(self, how: str, revision: int, message: Message, applied: bool) -> None:
        now = time.monotonic()
        self._history.seen.append(
            Seen(now, self.id, self.connection, how, revision, message, applied)
        )

    def _take_heads(self, line: Line) -> None:
        self.say("ping", ALIVE)
        for chat_id in map(int, line["heads"]):
            if chat_id != self.chat_id:
                self._is_foreign(chat_id, "heads")
        self._hear_of(line["heads"].get(str(self.chat_id), 0))

    def _hear_of(self, revision: int) -> None:
        self.screen.hear_of(revision)
        if self.screen.is_behind:
            self.sync()

    def _take_first_ticks(self, chat: Line) -> None:
        published = {"chat_id": chat["id"], "published_seq": chat["published_seq"]}
        self._take_status(published, is_first=True)
        for cursors in chat["cursors"]:
            self._take_status({"chat_id": chat["id"], **cursors}, is_first=True)

    def _take_status(self, line: Line, *, is_first: bool = False) -> None:
        now = time.monotonic()
        for cursor in CURSORS:
            if (seq := line.get(f"{cursor}_seq")) is not None:
                about = line["chat_id"], line.get("user_id", 0), cursor, seq, is_first
                self._history.ticks.append(Tick(now, self.id, self.connection, *about))

    def _take_removal(self, line: Line) -> None:
        self.is_out = True

    def _is_foreign(self, chat_id: int, what: str) -> None:
        self._history.foreign.append(Foreign(time.monotonic(), self.id, chat_id, what))

    def show(self) -> Screen:
        messages = sorted(self.screen.by_seq.values(), key=lambda one: one.seq)
        return Screen(self.id, self.chat_id, tuple(messages))


TAKERS: dict[str, Callable[[Person, Line], None]] = {
    "welcome": Person._take_welcome,
    "reply": Person._take_reply,
    "error": Person._take_error,
    "chat.changes": Person._take_page,
    "heads": Person._take_heads,
    "status": Person._take_status,
    "chat.removed": Person._take_removal,
}
