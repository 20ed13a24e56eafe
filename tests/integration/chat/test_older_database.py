"""A database that was set back to a backup, while the topics have gone on."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any

import orjson
import pytest
from django.core.management import call_command
from django.db.models import Max

from chat.models import Chat, Message, User
from chat.services.messages import delete_message, edit_message
from chat.upkeep.catching_up import NO_CHAT, TAKEN, WRITTEN, catch_up
from messaging.bus.memory_adapter import InMemoryAdapter
from messaging.contract.records import OutgoingRecord
from messaging.contract.validation import encode
from messaging.errors import RetryableError
from messaging.models import HandledEvent, OutboxEvent
from messaging.outbox.relay import Relay
from messaging.outbox.relay_lock import FileLock, path_beside
from messaging.outbox.target import KafkaTarget
from messaging.outbox.unknown import LATER_SECONDS, Guard, OlderDatabaseError
from tests.support.bus_line import Line
from tests.support.bus_parts import message_event
from tests.support.people import Clock, make_group, post, post_text
from tests.support.replaying import replayable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line(chat: Chat, ann: User) -> Line:
    """Three messages, told and handled."""
    line = Line(InMemoryAdapter(), replayable())
    for number in range(3):
        post(chat, ann, f"message {number + 1}")
    line.work_off()
    return line


def set_back(chat: Chat, *, seq: int) -> None:
    """As it was when the chat had so many messages."""
    last = OutboxEvent.objects.filter(payload__contains=f'"seq":{seq},').latest("pk").pk
    later = OutboxEvent.objects.filter(pk__gt=last)
    HandledEvent.objects.filter(event_id__in=later.values("event_id")).delete()
    later.delete()
    for message in Message.objects.filter(chat=chat, seq__gt=seq).order_by("-seq"):
        message.delete()
    newest = Message.objects.filter(chat=chat).latest("seq")
    top = Message.objects.filter(chat=chat).aggregate(Max("revision"))["revision__max"]
    Chat.objects.filter(pk=chat.pk).update(
        last_seq=seq, revision=top, published_seq=seq, last_message_at=newest.created_at
    )


def caught_up(line: Line, *, execute: bool = True) -> Counter[str]:
    return sum(catch_up(line.adapter, "ann@shell", execute=execute), Counter())


def publish_guarded(line: Line) -> None:
    target = KafkaTarget(line.adapter, Guard(line.adapter))
    relay = Relay(target, FileLock(path_beside("", purpose="older")))
    try:
        relay.run_round()
    finally:
        relay.close()


def told(line: Line) -> dict[tuple[str, int], set[str]]:
    """What the topic says of each place in a chat that was created there."""
    found = defaultdict(set)
    assert isinstance(line.adapter, InMemoryAdapter)
    for record in line.adapter.get_published_messages("chat-messages"):
        if record["action"] == "created":
            found[record["chatId"], record["seq"]].add(record["content"])
    return dict(found)


def rows_of_messages() -> list[dict[str, Any]]:
    """Moments are told in milliseconds: only whether they are there."""
    return [
        {name: bool(value) if name.endswith("_at") else value for name, value in row.items()}
        for row in Message.objects.order_by("seq").values()
    ]


def words(chat: Chat) -> list[tuple[int, str]]:
    return list(Message.objects.filter(chat=chat).order_by("seq").values_list("seq", "content"))


class TestRelay:
    def test_of_an_older_database_publishes_nothing_and_says_why(
        self, chat: Chat, ann: User, line: Line
    ) -> None:
        set_back(chat, seq=1)
        post(chat, ann, "other words")
        guard = Guard(line.adapter)
        for _ in range(2):
            with pytest.raises(OlderDatabaseError, match="catch_up_with_topics"):
                guard.check()
        assert KafkaTarget(line.adapter, guard).breaker_state() == "open"
        publish_guarded(line)
        assert told(line)[str(chat.pk), 2] == {"message 2"}

    def test_goes_on_once_the_database_has_caught_up(
        self, chat: Chat, ann: User, line: Line
    ) -> None:
        set_back(chat, seq=1)
        guard = Guard(line.adapter)
        with pytest.raises(OlderDatabaseError):
            guard.check()
        caught_up(line)
        guard.check()
        assert not guard.is_closed
        post(chat, ann, "message 4")
        publish_guarded(line)
        assert {len(said) for said in told(line).values()} == {1}
        assert told(line)[str(chat.pk), 4] == {"message 4"}

    def test_of_a_database_that_knows_everything_publishes(
        self, chat: Chat, ann: User, line: Line
    ) -> None:
        post(chat, ann, "message 4")
        publish_guarded(line)
        assert told(line)[str(chat.pk), 4] == {"message 4"}

    def test_of_a_new_database_publishes(self, chat: Chat, ann: User, line: Line) -> None:
        OutboxEvent.objects.all().delete()
        post(chat, ann, "message 4")
        publish_guarded(line)
        assert told(line)[str(chat.pk), 4] == {"message 4"}

    def test_does_not_mind_what_others_write(self, chat: Chat, ann: User, line: Line) -> None:
        value, headers = encode(message_event(chat.pk, 77))
        without = orjson.loads(value)
        for name in ("revision", "seq", "action"):
            without.pop(name, None)
        record = OutgoingRecord("chat-messages", str(chat.pk), orjson.dumps(without), headers)
        line.adapter.publish_many([record])
        Guard(line.adapter).check()

    def test_looks_later_where_the_topics_cannot_be_read(
        self, line: Line, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = []

        def refuse(_topics: object) -> None:
            tries.append(1)
            raise RetryableError("not now")

        monkeypatch.setattr(line.adapter, "open_reader", refuse)
        clock = Clock()
        guard = Guard(line.adapter, clock=clock)
        for _ in range(3):
            guard.check()
        assert len(tries) == 1
        clock.move(LATER_SECONDS)
        guard.check()
        assert len(tries) == 2


class TestCatchingUp:
    def test_writes_messages_back_as_the_topics_tell_them(
        self, chat: Chat, ann: User, bob: User, line: Line
    ) -> None:
        post_text(chat, bob, "an answer", reply_to_id=Message.objects.latest("pk").pk)
        edited = post_text(chat, ann, "to be edited")
        deleted = post_text(chat, ann, "to be deleted")
        edit_message(actor=ann, message_id=edited.pk, content="edited")
        delete_message(actor=ann, message_id=deleted.pk)
        line.publish()
        before = rows_of_messages()
        chat.refresh_from_db()
        set_back(chat, seq=2)
        assert caught_up(line) == {WRITTEN: 6}
        assert rows_of_messages() == before
        assert [edit.content for edit in Message.objects.get(pk=edited.pk).edits.all()] == [
            "to be edited"
        ]
        found = Chat.objects.get(pk=chat.pk)
        assert (found.last_seq, found.revision) == (chat.last_seq, chat.revision)
        assert caught_up(line) == {}

    def test_gives_the_next_number_and_the_next_id(self, chat: Chat, ann: User, line: Line) -> None:
        set_back(chat, seq=1)
        caught_up(line)
        newest = post(chat, ann, "message 4")
        assert newest.seq == 4
        assert words(chat) == [(number, f"message {number}") for number in range(1, 5)]

    def test_changes_nothing_unless_it_is_told_to(self, chat: Chat, line: Line) -> None:
        set_back(chat, seq=1)
        assert caught_up(line, execute=False) == {WRITTEN: 2}
        assert words(chat) == [(1, "message 1")]
        assert caught_up(line) == {WRITTEN: 2}

    def test_names_what_was_told_twice(self, chat: Chat, ann: User, line: Line) -> None:
        set_back(chat, seq=2)
        post(chat, ann, "other words")
        assert caught_up(line) == {TAKEN: 1}
        assert words(chat)[-1] == (3, "other words")
        (row,) = OutboxEvent.objects.filter(status=OutboxEvent.Status.CANCELLED)
        assert row.last_error == TAKEN

    def test_names_what_cannot_come_back(self, chat: Chat, ann: User, line: Line) -> None:
        other = make_group(ann)
        post(other, ann, "in a chat that came later")
        line.publish()
        told_as = other.pk
        OutboxEvent.objects.filter(key=str(told_as)).delete()
        Message.objects.filter(chat=other).delete()
        other.delete()
        assert caught_up(line)[NO_CHAT] == 1
        assert make_group(ann).pk > told_as


class TestReconcile:
    def found(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> set[str]:
        capsys.readouterr()
        with suppress(SystemExit):
            call_command("reconcile", "--json", "--grace-seconds", "0.001", *arguments)
        lines = map(orjson.loads, capsys.readouterr().out.splitlines())
        return {line["code"] for line in lines if "code" in line}

    def test_gives_what_came_back_to_the_handlers_again(
        self, chat: Chat, ann: User, line: Line, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_back(chat, seq=1)
        caught_up(line)
        post(chat, ann, "message 4")
        line.work_off()
        assert self.found(capsys, "--repair") <= {"unhandled_event", "wrong_activity"}
        line.work_off()
        assert self.found(capsys) <= {"wrong_activity"}

    def test_takes_what_was_told_twice_as_given_up(
        self, chat: Chat, ann: User, line: Line, capsys: pytest.CaptureFixture[str]
    ) -> None:
        set_back(chat, seq=2)
        post(chat, ann, "other words")
        caught_up(line)
        line.work_off()
        assert self.found(capsys, "--repair") <= {"wrong_activity"}
