"""Replaying a handler's events: what comes of it is what the handler itself has made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from chat.events.facts import record_fact
from chat.handlers.projections import ActivityProjection, AuditProjection
from chat.models import ActivityCount, ActivityShadow, Chat, Message, User
from chat.services.messages import delete_message, edit_message
from messaging.bus.base_adapter import BusAdapter
from messaging.bus.memory_adapter import InMemoryAdapter
from messaging.handling.dead_letter_retries import retry
from messaging.handling.dead_letters import pack_headers
from messaging.handling.registry import MAIN_GROUP
from messaging.models import DeadLetter, HandledEvent, OutboxEvent
from messaging.replay.group_replay import IncompleteSourceError, ReplayStoppedError, check_complete
from messaging.replay.lock import ReplayRunsError, replay_lock
from messaging.replay.sources import OutboxSource, TopicSource
from tests.support.bus_line import Line
from tests.support.people import make_group, make_people, post, post_text
from tests.support.replaying import counted, counts, is_counted_right, log, replay, replayable

pytestmark = pytest.mark.django_db(transaction=True)

MILLISECOND = timedelta(milliseconds=1)


@pytest.fixture
def adapter() -> Iterator[BusAdapter]:
    adapter = InMemoryAdapter()
    yield adapter
    adapter.close(timeout_seconds=1)


@pytest.fixture
def line(adapter: BusAdapter) -> Line:
    return Line(adapter, replayable())


@pytest.fixture
def ann() -> User:
    (ann,) = make_people("ann")
    return ann


@pytest.fixture
def chat(ann: User) -> Chat:
    return make_group(ann)


@pytest.fixture
def talk(line: Line, chat: Chat, ann: User) -> None:
    """30 messages, one of them edited, one deleted, and a fact; all of it handled."""
    for number in range(30):
        message = post_text(chat, ann, f"message {number}")
        if number == 5:
            edit_message(actor=ann, message_id=message.pk, content="better")
        if number == 6:
            delete_message(actor=ann, message_id=message.pk)
    record_fact("member.added", actor=ann, chat_id=chat.pk, target=("person", 7))
    line.work_off()


@pytest.mark.usefixtures("talk")
class TestReplay:
    @pytest.mark.parametrize("handler", ["activity", "audit"])
    def test_twice_changes_nothing(self, adapter: BusAdapter, handler: str) -> None:
        before = counts(), log()
        for _ in range(2):
            outcome = replay(handler, adapter)
            assert outcome.rows_changed == 0
            assert outcome.events_applied >= 32
        assert (counts(), log()) == before
        assert is_counted_right()

    def test_puts_wrong_counts_right(self, adapter: BusAdapter, chat: Chat) -> None:
        right = {row[1:] for row in counts()}
        days = ActivityCount.objects.filter(span="day").update(messages=7)
        hours, _ = ActivityCount.objects.filter(span="hour").delete()
        ActivityCount.objects.create(
            span="minute", starts_at=timezone.now(), chat_id=chat.pk, user_id=99, messages=3
        )
        assert replay("activity", adapter).rows_changed == days + hours + 1
        assert {row[1:] for row in counts()} == right

    def test_leaves_what_is_older_as_it_is(self, adapter: BusAdapter, chat: Chat) -> None:
        today = ActivityProjection.floor(timezone.now())
        old = ActivityCount.objects.create(
            span="day", starts_at=today - timedelta(days=1), chat_id=chat.pk, user_id=1, messages=5
        )
        replay("activity", adapter, since=today)
        old.refresh_from_db()
        assert old.messages == 5
        assert counted() == 35

    def test_counts_just_what_the_handler_has_had(
        self, adapter: BusAdapter, line: Line, chat: Chat, ann: User
    ) -> None:
        for _ in range(10):
            post(chat, ann)
        line.publish()
        outcome = replay("activity", adapter)
        assert outcome.rows_changed == 0
        assert counted() == 30
        line.consume()
        assert is_counted_right()

    def test_does_without_handled_events_that_were_pruned(self, adapter: BusAdapter) -> None:
        HandledEvent.objects.all().delete()
        assert replay("activity", adapter).rows_changed == 0
        assert is_counted_right()

    def test_counts_an_event_once_however_often_it_is_on_the_topic(
        self, adapter: BusAdapter, line: Line
    ) -> None:
        OutboxEvent.objects.update(status=OutboxEvent.Status.WAITING)
        line.work_off()
        assert replay("activity", adapter).rows_changed == 0
        assert is_counted_right()

    def test_leaves_dead_letters_to_who_replays_them(
        self, adapter: BusAdapter, line: Line, chat: Chat, ann: User
    ) -> None:
        post(chat, ann)
        event = OutboxEvent.objects.latest("id")
        line.publish()
        line.consume()
        position = OutboxEvent.objects.get(pk=event.pk)
        HandledEvent.objects.filter(event_id=event.event_id, handler="activity").delete()
        record = adapter.broker.written[event.topic][-1]  # type: ignore[attr-defined]
        letter = DeadLetter.objects.create(
            topic=event.topic,
            partition=position.partition,
            offset=position.offset,
            record_key=record.key,
            value=record.value,
            headers=pack_headers(record.headers),
            event_id=event.event_id,
            group=MAIN_GROUP,
            handler="activity",
            error_class="ValueError",
        )
        replay("activity", adapter)
        assert counted() == Message.objects.count() - 1
        retry(letter.pk, replayable(), actor="tests@here")
        assert is_counted_right()
        assert replay("activity", adapter).rows_changed == 0

    def test_that_fails_leaves_everything_as_it_was(self, adapter: BusAdapter) -> None:
        before = counts()

        class Broken(ActivityProjection):
            def swap(self) -> int:
                super().swap()
                raise ValueError("just before the end")

        ActivityCount.objects.filter(span="day").update(messages=7)
        wrong = counts()
        with pytest.raises(ValueError, match="just before"):
            replay("activity", adapter, projection=Broken)
        assert counts() == wrong != before
        assert not ActivityShadow.objects.exists()

    def test_that_is_stopped_changes_nothing(self, adapter: BusAdapter) -> None:
        ActivityCount.objects.filter(span="day").update(messages=7)
        before = counts()
        with pytest.raises(ReplayStoppedError):
            replay("activity", adapter, is_stopped=lambda: True)
        assert counts() == before
        assert not ActivityShadow.objects.exists()

    def test_begins_by_throwing_away_what_a_killed_one_left(
        self, adapter: BusAdapter, chat: Chat
    ) -> None:
        ActivityShadow.objects.create(
            span="day", starts_at=timezone.now(), chat_id=chat.pk, user_id=1, messages=1000
        )
        assert replay("activity", adapter).rows_changed == 0
        assert is_counted_right()

    def test_of_the_outbox_gives_the_same_without_kafka(self) -> None:
        before = counts(), log()
        for handler in ("activity", "audit"):
            assert replay(handler, None).rows_changed == 0
        assert (counts(), log()) == before

    def test_of_the_audit_log_adds_what_is_missing(
        self, adapter: BusAdapter, line: Line, chat: Chat, ann: User
    ) -> None:
        post(chat, ann)
        line.publish()
        event_id = OutboxEvent.objects.latest("id").event_id
        HandledEvent.objects.create(
            event_id=event_id, group=MAIN_GROUP, handler="audit", topic="chat-messages"
        )
        line.consume()
        assert event_id not in {row[1] for row in log()}
        before = log()
        assert replay("audit", adapter).rows_changed == 1
        assert log()[:-1] == before
        assert log()[-1][1] == event_id

    def test_is_told_to_the_audit_log(self, adapter: BusAdapter) -> None:
        replay("activity", adapter)
        fact = OutboxEvent.objects.filter(event_type="handler.replayed").get()
        assert '"rows_changed":0' in fact.payload


@pytest.mark.usefixtures("talk")
class TestSourceThatWasCut:
    def test_is_refused_where_counts_would_be_lost(self) -> None:
        rows = OutboxEvent.objects.filter(topic="chat-messages").order_by("id")
        long_ago = timezone.now() - timedelta(days=3)
        ActivityCount.objects.filter(span="minute").update(starts_at=long_ago)
        assert rows.exists()
        source = OutboxSource(["chat-messages"])
        with pytest.raises(IncompleteSourceError):
            check_complete(source, ActivityProjection(None), None)
        since = ActivityProjection.floor(timezone.now())
        check_complete(source, ActivityProjection(since), since)

    def test_that_has_nothing_is_refused_too(self, adapter: BusAdapter) -> None:
        """An outbox that was pruned empty, a topic that was made again, another broker."""
        OutboxEvent.objects.all().delete()
        long_ago = timezone.now() - timedelta(days=3)
        ActivityCount.objects.filter(span="minute").update(starts_at=long_ago)
        empty = InMemoryAdapter()
        topics = ["chat-messages"]
        for source in (OutboxSource(topics), TopicSource(empty, MAIN_GROUP, topics)):
            with pytest.raises(IncompleteSourceError):
                check_complete(source, ActivityProjection(None), None)
        check_complete(TopicSource(adapter, MAIN_GROUP, topics), AuditProjection(None), None)
        empty.close(timeout_seconds=1)

    def test_is_not_one_whose_events_waited_for_the_bus(self, adapter: BusAdapter) -> None:
        """Their records are younger than what they tell of."""
        source = TopicSource(adapter, MAIN_GROUP, ["chat-messages"])
        check_complete(source, ActivityProjection(None), None)
        late = timedelta(days=3)
        for record in adapter.broker.written["chat-messages"]:  # type: ignore[attr-defined]
            object.__setattr__(record, "timestamp_ms", record.timestamp_ms + late // MILLISECOND)
        check_complete(source, ActivityProjection(None), None)


class TestOutboxAsASource:
    def test_gives_again_only_what_was_not_done_with(
        self, chat: Chat, ann: User, talk: None
    ) -> None:
        """However old it is: what lies between is not read once more."""
        OutboxEvent.objects.update(created_at=timezone.now() - timedelta(hours=1))
        first = OutboxEvent.objects.filter(topic="chat-messages").earliest("id")
        OutboxEvent.objects.filter(pk=first.pk).update(status=OutboxEvent.Status.CANCELLED)
        source = OutboxSource(["chat-messages"])
        source.start(None)
        assert sum(len(events) for events in source.read()) == 32
        post(chat, ann)
        again = [event for events in source.read(is_last=True) for event in events]
        assert [event.event_id for event in again] == [
            first.event_id,
            OutboxEvent.objects.filter(topic="chat-messages").latest("id").event_id,
        ]


class TestReplayLock:
    @pytest.mark.postgresql
    def test_refuses_a_second_replay(self) -> None:
        """An advisory lock is the session's: the second one needs a connection of its own."""
        from concurrent.futures import ThreadPoolExecutor

        from django.db import connection

        def try_it() -> None:
            try:
                with replay_lock():
                    raise AssertionError("two at once")
            finally:
                connection.close()

        with replay_lock(), ThreadPoolExecutor(1) as pool, pytest.raises(ReplayRunsError):
            pool.submit(try_it).result()
        with replay_lock():
            pass

    @pytest.mark.embedded
    def test_refuses_a_second_replay_on_sqlite(self) -> None:
        with replay_lock(), pytest.raises(ReplayRunsError), replay_lock():
            pass


@pytest.mark.usefixtures("talk")
class TestCommand:
    def run(self, *arguments: str) -> None:
        call_command("kafka_replay", *arguments)

    def test_changes_nothing_without_execute(self, capsys: Any) -> None:
        ActivityCount.objects.filter(span="day").update(messages=7)
        before = counts()
        self.run("--handler", "activity", "--all")
        assert "about 32 events" in capsys.readouterr().err
        assert counts() == before

    def test_puts_counts_right_and_says_so(self, capsys: Any) -> None:
        ActivityCount.objects.filter(span="day").update(messages=7)
        self.run("--handler", "activity", "--all", "--execute", "--json")
        assert '"rows_changed": 1' in capsys.readouterr().out
        assert is_counted_right()

    def test_names_those_that_it_leaves_out(self, capsys: Any) -> None:
        self.run("--since", "2026-01-01")
        assert "heads is skipped" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--handler", "heads", "--all"], "Nothing in webchat-group"),
            (["--handler", "nobody", "--all"], "Handlers: activity, audit"),
            (["--group", "nobody", "--all"], "Groups:"),
            (["--handler", "activity", "--from-offset", "0:0"], "no offsets"),
            (["--handler", "activity", "--since", "soon"], "is not a time"),
            (["--handler", "activity", "--from-offset", "x"], "PARTITION:OFFSET"),
            (["--handler", "activity"], "required"),
        ],
    )
    def test_says_what_is_wrong(self, arguments: list[str], words: str) -> None:
        with pytest.raises(CommandError, match=words) as caught:
            self.run(*arguments)
        assert caught.value.returncode in (1, 2)

    # On PostgreSQL the lock belongs to the database's session, which is the same one here.
    @pytest.mark.embedded
    def test_refuses_a_second_one(self) -> None:
        with replay_lock(), pytest.raises(CommandError, match="Another replay is running"):
            self.run("--handler", "activity", "--all", "--execute")
