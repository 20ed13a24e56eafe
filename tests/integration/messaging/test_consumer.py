from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from messaging.away import DatabaseAwayError
from messaging.bus.adapter import PartitionLag
from messaging.bus.circuit_breaker import CircuitBreaker
from messaging.bus.memory_adapter import InMemoryAdapter
from messaging.bus.retry import RetryPolicy
from messaging.contract.events import Event
from messaging.contract.records import OutgoingRecord, TopicPartition
from messaging.contract.validation import encode
from messaging.errors import RetryableError, TopicLackingError
from messaging.handling.consumer import GroupConsumer
from messaging.handling.consumer_state import ConsumerReport, Lag
from messaging.handling.dead_letter_limit import DeadLetterLimit, TooManyDeadLettersError
from messaging.handling.dead_letters import DeadLetterBox, record_of
from messaging.handling.group_reader import GroupReader
from messaging.handling.heartbeat import Heartbeat
from messaging.handling.registry import MAIN_GROUP, Handler, Registry
from messaging.management.commands.run_kafka_consumer import Command
from messaging.models import ConsumerState, DeadLetter, HandledEvent, LostRecords
from tests.support.bus_parts import TOPIC, Effects, message_event
from tests.support.poison import poison
from tests.support.processes import DEADLINE
from tests.support.services import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

DLQ = f"{TOPIC}.dlq"
QUICK = RetryPolicy(initial_seconds=0.02)


def send(adapter: InMemoryAdapter, chat: int, *seqs: int) -> None:
    records = []
    for seq in seqs:
        value, headers = encode(message_event(chat, seq))
        records.append(OutgoingRecord(TOPIC, str(chat), value, headers))
    assert all(not isinstance(r, Exception) for r in adapter.publish_many(records))


def good_headers() -> tuple[tuple[str, bytes], ...]:
    return encode(message_event(1, 1))[1]


@pytest.fixture
def faults() -> dict[tuple[str, int], Exception]:
    return {}


@pytest.fixture
def handled_at() -> dict[int, float]:
    return {}


@pytest.fixture(autouse=True)
def one_handler(registry: Registry, effects, faults, handled_at) -> None:
    def write(events: Sequence[Event]) -> None:
        for event in events:
            if error := faults.get((event.key, event.payload["seq"])):
                raise error
        Effects.write("writer", events)
        handled_at.update({event.payload["seq"]: time.monotonic() for event in events})

    registry.add(Handler(topic=TOPIC, name="writer", function=write))


@pytest.fixture
def consume(adapter, registry):
    """Starts consumers of the group in threads; ends them with the test."""
    running: list[tuple[GroupConsumer, threading.Thread]] = []

    def start(**options) -> GroupConsumer:
        limit = options.pop("limit", None)
        own: InMemoryAdapter = options.pop("adapter", adapter)
        reader = GroupReader(
            lambda: own.open_source(group_id=MAIN_GROUP, topics=[TOPIC]),
            poll_seconds=0.05,
            clock=options.pop("clock", time.monotonic),
        )
        box = DeadLetterBox(MAIN_GROUP, own, limit=limit)
        consumer = GroupConsumer(reader, registry, MAIN_GROUP, box, retries=QUICK, **options)
        thread = threading.Thread(target=consumer.run)
        thread.start()
        running.append((consumer, thread))
        return consumer

    yield start
    for consumer, thread in running:
        consumer.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def lags(adapter: InMemoryAdapter) -> list[PartitionLag]:
    return adapter.lag(group_id=MAIN_GROUP, topics=[TOPIC])


def lag(adapter: InMemoryAdapter) -> int:
    return sum(part.records for part in lags(adapter))


def seqs(chat: int) -> list[int]:
    return [seq for _, key, seq in Effects.rows() if key == str(chat)]


class TestConsumer:
    def test_handles_everything_once_and_commits(self, adapter, consume):
        for chat in range(1, 6):
            send(adapter, chat, *range(1, 31))
        consume(batch_size=40)
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        assert Effects.once_for(["writer"], chats=5, messages=30)
        handled = HandledEvent.objects.order_by("-id")[0]
        assert (handled.topic, handled.attempts) == (TOPIC, 1)
        assert handled.partition is not None
        assert handled.offset is not None

    def test_has_no_second_effect_when_offsets_were_not_committed(self, adapter, consume, broker):
        send(adapter, 1, *range(1, 11))
        first = consume()
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        first.stop()
        broker.group(MAIN_GROUP).committed.clear()
        consume()
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        assert Effects.once_for(["writer"], chats=1, messages=10)

    def test_stops_after_so_many_records(self, adapter, consume):
        send(adapter, 1, *range(1, 31))
        consumer = consume(max_records=12, batch_size=5)
        wait_until(lambda: consumer.counts.records == 12, seconds=10)
        wait_until(lambda: lag(adapter) == 18, seconds=5)

    def test_three_share_the_work_while_they_come_and_go(self, adapter, broker, consume):
        first = consume(batch_size=7)
        for number in range(20):
            for chat in range(1, 9):
                send(adapter, chat, number * 3 + 1, number * 3 + 2, number * 3 + 3)
            if number == 5:
                second = consume(adapter=InMemoryAdapter(broker=broker), batch_size=7)
            if number == 10:
                consume(adapter=InMemoryAdapter(broker=broker), batch_size=7)
                first.stop()
            if number == 15:
                second.stop()
        wait_until(lambda: lag(adapter) == 0, seconds=20)
        assert Effects.once_for(["writer"], chats=8, messages=60)

    def test_survives_a_bus_that_goes_away(self, adapter, broker, consume):
        consume()
        send(adapter, 1, 1)
        wait_until(lambda: seqs(1) == [1], seconds=5)
        broker.set_available(False)
        broker.set_available(True)
        send(adapter, 1, 2)
        wait_until(lambda: seqs(1) == [1, 2] and lag(adapter) == 0, seconds=5)


class TestFailures:
    def test_a_failing_event_holds_up_its_partition_only(self, adapter, consume, faults):
        faults["1", 2] = ValueError()
        send(adapter, 1, 1, 2, 3)
        others = [chat for chat in range(2, 12) if partition_of(adapter, chat) != 0]
        for chat in others:
            send(adapter, chat, 1, 2, 3)
        # Its next try is a long way off: tries run out, and then it would hold up nothing any more.
        now = [0.0]
        consume(clock=lambda: now[0])
        for chat in others:
            if partition_of(adapter, chat) != partition_of(adapter, 1):
                wait_until(lambda: seqs(chat) == [1, 2, 3], seconds=2)  # noqa: B023
        faults.clear()
        now[0] += 60
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        assert seqs(1) == [1, 2, 3]
        assert not DeadLetter.objects.exists()

    def test_what_always_fails_goes_to_the_dead_letters_with_its_story(
        self, adapter, consume, faults, broker
    ):
        faults["1", 2] = ValueError("no such colour")
        send(adapter, 1, 1, 2, 3)
        sent = broker.written[TOPIC][1]
        consume()
        wait_until(lambda: lag(adapter) == 0, seconds=20)
        assert seqs(1) == [1, 3]

        (dead,) = broker.written[DLQ]
        assert (dead.key, dead.value) == (sent.key, sent.value)
        headers = dict(dead.headers)
        assert dict(sent.headers).items() <= headers.items()
        told = {name: headers[f"dead-letter-{name}"].decode() for name in DEAD_LETTER_HEADERS}
        assert told.pop("time").startswith("20")
        assert told == {
            "topic": TOPIC,
            "partition": str(sent.partition),
            "offset": str(sent.offset),
            "group": MAIN_GROUP,
            "handler": "writer",
            "error-class": "ValueError",
            "error-message": "no such colour",
            "attempts": "5",
        }
        letter = DeadLetter.objects.get()
        assert record_of(letter) == sent
        assert (letter.handler, letter.error_class, letter.attempts) == ("writer", "ValueError", 5)
        assert "in write" in letter.traceback

    def test_an_event_is_dead_once_however_often_it_comes(self, adapter, consume, faults, broker):
        faults["1", 1] = ValueError()
        send(adapter, 1, 1, 2)
        first = consume()
        wait_until(lambda: lag(adapter) == 0, seconds=20)
        first.stop()
        broker.group(MAIN_GROUP).committed.clear()
        consume()
        wait_until(lambda: lag(adapter) == 0, seconds=2)
        assert len(broker.written[DLQ]) == DeadLetter.objects.count() == 1

    def test_the_database_being_away_loses_nothing(self, adapter, consume, faults):
        # Whichever partitions come together in a batch, all of them need the database.
        all_of_them = [("1", 1), ("1", 2), ("1", 3), ("2", 1)]
        faults.update(dict.fromkeys(all_of_them, DatabaseAwayError("gone")))
        send(adapter, 1, 1, 2, 3)
        send(adapter, 2, 1)
        consumer = consume()
        wait_until(lambda: consumer.counts.batches >= 3, seconds=10)
        assert lag(adapter) == 4
        faults.clear()
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        assert (seqs(1), seqs(2)) == ([1, 2, 3], [1])
        assert not DeadLetter.objects.exists()

    def test_a_dependency_that_is_away_is_waited_for(self, adapter, consume, faults):
        faults["1", 1] = RetryableError("webhook host is away")
        send(adapter, 1, 1)
        consumer = consume()
        wait_until(lambda: consumer.counts.batches >= 6, seconds=20)
        faults.clear()
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        assert seqs(1) == [1]
        assert not DeadLetter.objects.exists()

    def test_a_bad_deploy_stops_it_loudly(self, adapter, registry, faults):
        faults.update({("1", seq): ValueError() for seq in range(1, 31)})
        send(adapter, 1, *range(1, 31))
        reader = GroupReader(lambda: adapter.open_source(group_id=MAIN_GROUP, topics=[TOPIC]))
        box = DeadLetterBox(MAIN_GROUP, adapter, limit=DeadLetterLimit(in_a_row=2))
        consumer = GroupConsumer(reader, registry, MAIN_GROUP, box, retries=QUICK)
        with pytest.raises(TooManyDeadLettersError, match="writer has failed for 2 events"):
            consumer.run()
        assert DeadLetter.objects.count() == 2
        assert lag(adapter) >= 28


DEAD_LETTER_HEADERS = (
    *("topic", "partition", "offset", "group", "handler", "error-class", "error-message"),
    *("attempts", "time"),
)


def partition_of(adapter: InMemoryAdapter, chat: int) -> int:
    return zlib.crc32(str(chat).encode()) % adapter.broker.partitions


POISON = poison()


@pytest.mark.embedded
class TestPoison:
    @pytest.mark.parametrize("kind", POISON)
    def test_goes_aside_at_once_and_the_next_good_record_is_handled(
        self, kind, adapter, consume, broker, handled_at
    ):
        consume()
        send(adapter, 1, 1)
        wait_until(lambda: seqs(1) == [1], seconds=5)
        adapter.publish_many([POISON[kind]])
        send(adapter, 1, 2)
        send(adapter, 2, 3)
        send(adapter, 3, 4)
        wait_until(lambda: len(handled_at) == 4, seconds=10)
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        letter = DeadLetter.objects.get()
        assert record_of(letter).value == POISON[kind].value
        assert (letter.handler, letter.error_class) == ("", "InvalidEventError")
        assert letter.attempts == 1
        assert len(broker.written[DLQ]) == 1

    def test_all_kinds_at_once_among_good_ones(self, adapter, consume):
        for seq, record in enumerate(POISON.values(), start=1):
            send(adapter, 1, seq)
            adapter.publish_many([record])
        consume()
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        assert seqs(1) == [*range(1, len(POISON) + 1)]
        assert DeadLetter.objects.count() == len(POISON)

    def test_waits_where_the_dead_letter_topic_cannot_be_written(self, broker, consume):
        breaker = CircuitBreaker(open_seconds=0.05)
        own = DeafToDeadLetters(broker=broker, breaker=breaker)
        send(own, 1, 1)
        own.publish_many([OutgoingRecord(TOPIC, "1", b"bad", good_headers())])
        send(own, 1, 2)
        consumer = consume(adapter=own)
        wait_until(lambda: consumer.counts.batches >= 4, seconds=20)
        assert seqs(1) == [1]
        assert lag(own) == 2
        assert not DeadLetter.objects.exists()
        own.is_deaf = False
        wait_until(lambda: lag(own) == 0, seconds=10)
        assert seqs(1) == [1, 2]
        assert DeadLetter.objects.count() == len(broker.written[DLQ]) == 1

    def test_too_many_stop_it(self, adapter, registry):
        bad = [OutgoingRecord(TOPIC, "1", str(uuid4()).encode(), good_headers())] * 30
        adapter.publish_many(bad)
        reader = GroupReader(lambda: adapter.open_source(group_id=MAIN_GROUP, topics=[TOPIC]))
        box = DeadLetterBox(MAIN_GROUP, adapter, limit=DeadLetterLimit(count=5))
        with pytest.raises(TooManyDeadLettersError, match="5 records"):
            GroupConsumer(reader, registry, MAIN_GROUP, box).run()
        assert DeadLetter.objects.count() == 5

    def test_a_record_without_key_and_value_is_set_aside_too(self, adapter, broker):
        send(adapter, 1, 1)
        nothing = replace(broker.written[TOPIC][0], key=None, value=None)
        DeadLetterBox(MAIN_GROUP, adapter).add(nothing, "", ValueError())
        assert record_of(DeadLetter.objects.get()) == nothing
        assert broker.written[DLQ][0].value == b""

    def test_a_key_that_is_not_text_and_a_record_at_the_limit_are_kept_whole(self, adapter, broker):
        send(adapter, 1, 1)
        sent = broker.written[TOPIC][0]
        huge = replace(sent, key=b"\xff\x00", value=b"x" * 999_900)
        DeadLetterBox(MAIN_GROUP, adapter).add(huge, "", ValueError("\x00\ud800"))
        assert record_of(DeadLetter.objects.get()) == huge
        assert "left out" in dict(broker.written[DLQ][0].headers)["dead-letter-value"].decode()


class DeafToDeadLetters(InMemoryAdapter):
    is_deaf = True

    def _send_one(self, record: OutgoingRecord):
        if self.is_deaf and record.topic == DLQ:
            return RetryableError("no right to write")
        return super()._send_one(record)


@pytest.mark.embedded
class TestReader:
    def test_opens_again_when_the_membership_is_gone(self, adapter):
        waits: list[float] = []
        failures = iter([RetryableError("away"), RetryableError("away")])
        real: Callable = lambda: adapter.open_source(group_id="g", topics=[TOPIC])  # noqa: E731

        def open_source():
            if error := next(failures, None):
                raise error
            return real()

        send(adapter, 1, 1)
        reader = GroupReader(open_source, sleep=waits.append)
        assert reader.read(10) == []
        assert reader.read(10) == []
        assert len(reader.read(10)) == 1
        assert len(waits) == 2
        reader.close()

    def test_says_once_that_it_is_given_none_of_its_topics(self, caplog):
        def refuse():
            raise TopicLackingError(TOPIC, "may not be read (ACL READ)")

        reader = GroupReader(refuse, sleep=lambda _: None)
        for _ in range(20):
            assert reader.read(10) == []
        assert reader.lacking == {TOPIC: "may not be read (ACL READ)"}
        assert [text for text in caplog.messages if "may not be read" in text] == [
            f"Kafka is unavailable: Topic {TOPIC} may not be read (ACL READ)."
        ]

    def test_keeps_an_offset_that_could_not_be_committed(self, adapter, broker):
        send(adapter, 1, 1)
        reader = GroupReader(lambda: adapter.open_source(group_id="g", topics=[TOPIC]))
        (record,) = reader.read(10)
        broker.set_available(False)
        reader.commit({record.topic_partition: 1})
        assert reader.is_waiting
        broker.set_available(True)
        reader.commit({})
        assert not reader.is_waiting
        assert broker.group("g").committed == {record.topic_partition: 1}
        reader.close()

    def test_drops_what_it_read_before_a_rebalance(self, adapter, broker):
        send(adapter, 1, 1)
        reader = GroupReader(lambda: adapter.open_source(group_id="g", topics=[TOPIC]))
        (record,) = reader.read(10)
        other = adapter.open_source(group_id="g", topics=[TOPIC])
        reader.commit({record.topic_partition: 1})
        assert not reader.is_waiting
        assert broker.group("g").committed == {}
        other.close()
        assert [found.offset for found in reader.read(10)] == [0]
        reader.close()


class TestLostRecords:
    """What retention removed before the group had read it."""

    @pytest.fixture
    def part(self, adapter, consume) -> TopicPartition:
        """Where ten messages of a chat are; the group has handled the first three."""
        send(adapter, 1, *range(1, 4))
        consumer = consume(max_records=3)
        wait_until(lambda: seqs(1) == [1, 2, 3], seconds=10)
        consumer.stop()
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        send(adapter, 1, *range(4, 11))
        (part,) = {lag.topic_partition for lag in lags(adapter) if lag.records}
        return part

    def test_are_written_down_once_and_said_once(self, adapter, consume, broker, part, caplog):
        broker.remove_before(part, 8)
        with caplog.at_level("ERROR", "messaging"):
            first = consume()
            wait_until(lambda: lag(adapter) == 0, seconds=10)
            first.stop()
            second = consume()
            send(adapter, 1, 11)
            wait_until(lambda: seqs(1) == [1, 2, 3, 9, 10, 11], seconds=10)
        lost = LostRecords.objects.open().get()
        assert (lost.group, lost.topic, lost.partition) == (MAIN_GROUP, TOPIC, part.partition)
        assert (lost.first_offset, lost.end_offset) == (3, 8)
        assert (first.counts.lost, second.counts.lost) == (5, 0)
        said = [text for text in caplog.messages if "removed before" in text]
        assert len(said) == 1
        assert "5 offsets of chat-messages/" in said[0]

    def test_with_nothing_after_them_are_passed(self, adapter, consume, broker, part):
        broker.remove_before(part, 10)
        consume()
        wait_until(lambda: LostRecords.objects.count() == 1, seconds=10)
        wait_until(lambda: not any(lag.lost for lag in lags(adapter)), seconds=10)

    def test_are_not_passed_before_they_are_written_down(
        self, adapter, consume, broker, part, monkeypatch
    ):
        tries: list[int] = []

        def is_away(rows: list[LostRecords], **options: Any) -> None:
            tries.append(1)
            if len(tries) < 3:
                raise DatabaseAwayError("away")
            really(rows, **options)

        really = LostRecords.objects.bulk_create
        monkeypatch.setattr(LostRecords.objects, "bulk_create", is_away)
        broker.remove_before(part, 8)
        consume()
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        assert LostRecords.objects.count() == 1
        assert len(tries) >= 3

    def test_of_a_group_whose_offsets_expired_are_known_by_what_it_handled(
        self, adapter, consume, broker, part
    ):
        broker.group(MAIN_GROUP).committed.clear()
        broker.remove_before(part, 8)
        consume()
        wait_until(lambda: lag(adapter) == 0, seconds=10)
        lost = LostRecords.objects.get()
        assert (lost.first_offset, lost.end_offset) == (3, 8)

    def test_are_none_for_a_new_group(self, adapter, consume, broker):
        send(adapter, 1, *range(1, 11))
        (part,) = {lag.topic_partition for lag in lags(adapter) if lag.records}
        broker.remove_before(part, 5)
        consume()
        wait_until(lambda: seqs(1) == [6, 7, 8, 9, 10], seconds=10)
        assert not LostRecords.objects.exists()


class TestConsumerReport:
    def test_tells_other_processes_what_it_reads_and_lacks(self):
        now = [0.0]
        report = ConsumerReport(MAIN_GROUP, clock=lambda: now[0])
        report.save_when_due(partitions=6, lacking={})
        report.save_when_due(partitions=4, lacking={})
        assert ConsumerState.objects.get().partitions == 6
        report.save_when_due(partitions=4, lacking={TOPIC: "does not exist"})
        state = ConsumerState.objects.get()
        assert (state.partitions, state.lacking) == (4, f"{TOPIC} does not exist")
        now[0] = 5.0
        report.save_when_due(
            partitions=3, lacking={TOPIC: "does not exist"}, done=100, lag=Lag(20, 1.5)
        )
        state = ConsumerState.objects.get()
        assert (state.partitions, state.per_minute) == (3, 1200.0)
        assert (state.lag_records, state.lag_seconds) == (20, 1.5)
        assert state.version == settings.VERSION
        report.stop()
        assert ConsumerState.objects.get().stopped_at

    def test_does_not_stop_the_consumer_when_the_database_is_away(self, monkeypatch):
        def is_away(*_args: object, **_options: object) -> None:
            raise DatabaseAwayError("away")

        now = [0.0]
        report = ConsumerReport(MAIN_GROUP, clock=lambda: now[0])
        with monkeypatch.context() as away:
            away.setattr(ConsumerState.objects, "update_or_create", is_away)
            report.save_when_due(partitions=1, lacking={})
        report.save_when_due(partitions=1, lacking={})
        assert not ConsumerState.objects.exists()  # it is not asked at every turn
        now[0] = 5.0
        report.save_when_due(partitions=1, lacking={})
        assert ConsumerState.objects.exists()


class TestHeartbeat:
    def beats(self, monkeypatch, adapter, *topics: str) -> int:
        """How often the command has touched its file until it had read one record."""
        beats: list[int] = []
        monkeypatch.setattr(Heartbeat, "beat", lambda _: beats.append(1))
        send(adapter, 1, 1)
        options = {
            "heartbeat_file": "beat",
            "metrics_port": None,
            "batch_size": 10,
            "max_messages": 1,
            "until_empty": False,
        }
        Command()._run(adapter, MAIN_GROUP, list(topics), options)
        return len(beats)

    def test_goes_on_while_all_topics_are_given(self, adapter, monkeypatch):
        assert self.beats(monkeypatch, adapter, TOPIC) > 1

    def test_stands_still_while_one_is_lacking(self, adapter, monkeypatch):
        assert self.beats(monkeypatch, adapter, TOPIC, "missing") == 1
