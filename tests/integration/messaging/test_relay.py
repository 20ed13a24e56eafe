from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from django.db import connection

from chat.events.topics import AUDIT_TOPIC
from chat.services.cursors.published import highest_seqs
from messaging.away import DatabaseAwayError
from messaging.bus.circuit_breaker import CircuitBreaker
from messaging.bus.memory_adapter import InMemoryAdapter, InMemoryBroker
from messaging.bus.retry import RetryPolicy
from messaging.contract.records import OutgoingRecord, RecordPosition
from messaging.contract.validation import decode
from messaging.errors import (
    ConfigurationError,
    PermanentError,
    RetryableError,
    TopicLackingError,
)
from messaging.models import OutboxEvent, RelayState
from messaging.outbox import relay as relay_module
from messaging.outbox.recording import NewEvent, outbox_recorded
from messaging.outbox.relay import Relay, published
from messaging.outbox.relay_lock import Alarm, FileLock
from messaging.outbox.target import KafkaTarget
from messaging.process_report import ProcessReport
from tests.support.bus_parts import STATUS_TOPIC, TOPIC, message_event, record, record_chats
from tests.support.processes import DEADLINE
from tests.support.services import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
Status = OutboxEvent.Status


class FailingAdapter(InMemoryAdapter):
    """Fails for the records that a test names, as a broker would."""

    def __init__(self, broker: InMemoryBroker) -> None:
        super().__init__(broker=broker, breaker=CircuitBreaker(failure_limit=1000))
        self.failure: Callable[[OutgoingRecord], Exception | None] = lambda record: None
        self.batches: list[int] = []

    def _send(self, records: Sequence[OutgoingRecord], timeout_seconds: float):
        self.batches.append(len(records))
        return super()._send(records, timeout_seconds)

    def _send_one(self, record: OutgoingRecord) -> RecordPosition | Exception:
        return self.failure(record) or super()._send_one(record)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def failing(broker) -> FailingAdapter:
    return FailingAdapter(broker)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lock(tmp_path) -> FileLock:
    return FileLock(tmp_path / "relay.lock")


@pytest.fixture
def make_relay(failing, lock, clock):
    made: list[Relay] = []

    def make(**options) -> Relay:
        retry = RetryPolicy(multiplier=1.0)
        made.append(Relay(KafkaTarget(failing), lock, retry=retry, clock=clock, **options))
        return made[-1]

    yield make
    for relay in made:
        relay.close()


@pytest.fixture
def relay(make_relay) -> Relay:
    return make_relay()


@pytest.fixture
def heard():
    found: list[dict[str, int]] = []

    def hear(**given) -> None:
        found.append(highest_seqs(given["rows"]))

    published.connect(hear)
    yield found
    published.disconnect(hear)


def audit_event(number: int) -> NewEvent:
    fact = {
        "action": "chat.created",
        "actorId": "1",
        "chatId": str(number),
        "targetType": "chat",
        "targetId": str(number),
        "details": {},
        "timestamp": "2026-11-23T10:00:00.000+00:00",
    }
    return NewEvent(AUDIT_TOPIC, str(number), "chat.created", fact)


def refuse(topic: str) -> Callable[[OutgoingRecord], Exception | None]:
    """The broker's answer where an ACL is missing."""
    error = TopicLackingError(topic, "is not allowed")
    return lambda record: error if record.topic == topic else None


def statuses() -> list[int]:
    return list(OutboxEvent.objects.order_by("id").values_list("status", flat=True))


def seqs(adapter: InMemoryAdapter, chat: int | str) -> list[int]:
    found = adapter.get_published_messages(TOPIC)
    return [message["seq"] for message in found if message["chatId"] == str(chat)]


class TestRound:
    def test_publishes_every_chat_in_order_and_says_where(self, relay, failing, heard):
        record_chats(3, 4)
        assert relay.run_round() == 12
        assert [seqs(failing, chat) for chat in (1, 2, 3)] == [[1, 2, 3, 4]] * 3
        row = OutboxEvent.objects.order_by("-id").first()
        assert row is not None
        assert (row.status, row.attempts) == (Status.PUBLISHED, 1)
        assert row.published_at is not None
        assert (row.partition, row.offset) != (None, None)
        assert heard == [{"1": 4, "2": 4, "3": 4}]
        assert relay.run_round() == 0

    def test_sends_the_payload_byte_for_byte_with_its_headers(self, relay, failing, broker):
        event = message_event(1, 1, content="Привет\n<b> \U0001f600")
        record(event)
        relay.run_round()
        sent = broker.written[TOPIC][0]
        assert sent.value == OutboxEvent.objects.get().payload.encode()
        found = decode(sent)
        assert (found.event_id, found.event_type, found.key) == (
            event.event_id,
            "message.created",
            "1",
        )
        assert found.payload == event.payload

    def test_takes_at_most_a_batch(self, make_relay, failing):
        record_chats(5, 4)
        relay = make_relay(batch_size=8)
        assert [relay.run_round() for _ in range(4)] == [8, 8, 4, 0]
        assert failing.batches == [8, 8, 4]

    def test_holds_back_a_failing_chat_and_no_other(self, relay, failing, clock):
        record_chats(3, 2)
        failing.failure = lambda r: RetryableError("leader is away") if r.key == "2" else None
        relay.run_round()
        assert [seqs(failing, chat) for chat in (1, 2, 3)] == [[1, 2], [], [1, 2]]
        first = OutboxEvent.objects.waiting().order_by("id").first()
        assert first is not None
        assert (first.attempts, first.last_error) == (1, "RetryableError: leader is away")

        record(message_event(1, 3), message_event(2, 3))
        assert relay.run_round() == 1  # the held chat is not even read
        failing.failure = lambda _record: None
        clock.now += 1
        relay.run_round()
        assert [seqs(failing, chat) for chat in (1, 2)] == [[1, 2, 3], [1, 2, 3]]

    def test_waits_longer_after_each_failure_of_a_chat(self, relay, failing, clock):
        record(message_event(1, 1))
        failing.failure = lambda _record: RetryableError("away")
        tries = []
        for _ in range(100):
            clock.now += 0.1
            tries.append(relay.run_round())
        # At 0.1, 0.2, 0.4, 0.8, 1.6, 3.2 and 6.4 s behind each other.
        assert 6 <= sum(tries) <= 8

    def test_holds_back_a_topic_that_is_not_given_and_no_other(self, make_relay, failing, clock):
        relay = make_relay(batch_size=300)
        record(*(audit_event(number) for number in range(700)))
        failing.failure = refuse(AUDIT_TOPIC)
        relay.run_round()
        record_chats(2, 2)
        assert relay.run_round() == 4  # rows of the held topic are not even read
        assert [seqs(failing, chat) for chat in (1, 2)] == [[1, 2], [1, 2]]
        failing.failure = lambda _record: None
        clock.now += 1
        relay.run_round()
        while relay.run_round():
            pass
        assert OutboxEvent.objects.waiting().count() == 0

    def test_asks_seldom_for_a_topic_that_stays_away(self, relay, failing, clock):
        failing.failure = refuse(AUDIT_TOPIC)
        tries = []
        for number in range(100):
            record(audit_event(number))
            clock.now += 0.6
            tries.append(relay.run_round())
        # 0.1 s later, then 0.2 …, at last 30 s, though keys that have not failed keep coming.
        assert 5 <= sum(map(bool, tries)) <= 10

    def test_keeps_the_order_of_a_topic_that_comes_back(self, relay, failing, clock):
        record_chats(2, 2)
        failing.failure = refuse(TOPIC)
        relay.run_round()
        record(message_event(1, 3), message_event(2, 3))
        relay.run_round()
        failing.failure = lambda _record: None
        clock.now += 1
        relay.run_round()
        assert [seqs(failing, chat) for chat in (1, 2)] == [[1, 2, 3], [1, 2, 3]]

    def test_tells_why_a_topic_waits_for_as_long_as_it_waits(self, relay, failing, clock):
        record(audit_event(1))
        failing.failure = refuse(AUDIT_TOPIC)
        relay.run_round()
        record(message_event(1, 1))
        relay.run_round()
        relay._report.save_when_due(range(16))
        assert "Topic audit-events is not allowed" in RelayState.objects.get().last_error

    def test_does_not_spin_for_a_chat_whose_row_was_cancelled(self, relay, failing, clock):
        record(message_event(1, 1))
        failing.failure = lambda record: RetryableError("away") if record.topic == TOPIC else None
        relay.run_round()
        assert relay._idle_seconds() < 1
        OutboxEvent.objects.all().cancel(actor="a test")
        clock.now += 10
        relay.run_round()
        assert relay._idle_seconds() == 5

    def test_keeps_the_order_when_the_middle_of_a_chat_fails(self, relay, failing, clock):
        record(*(message_event(1, seq) for seq in (1, 2, 3)))
        failing.failure = lambda r: RetryableError("away") if b'"seq":2,' in r.value else None
        relay.run_round()
        assert statuses() == [Status.PUBLISHED, Status.WAITING, Status.WAITING]
        failing.failure = lambda _record: None
        clock.now += 1
        relay.run_round()
        assert statuses() == [Status.PUBLISHED] * 3
        assert seqs(failing, 1)[-2:] == [2, 3]

    def test_sets_an_impossible_record_aside_and_tells_of_it(self, relay, failing):
        record(*(message_event(1, seq) for seq in (1, 2, 3)))
        failing.failure = lambda r: PermanentError("too large") if b'"1-2"' in r.value else None
        relay.run_round()
        failing.failure = lambda _record: None
        assert statuses() == [Status.PUBLISHED, Status.ERROR, Status.PUBLISHED, Status.WAITING]
        assert seqs(failing, 1) == [1, 3]
        relay.run_round()
        (status,) = failing.get_published_messages(STATUS_TOPIC)
        assert (status["messageId"], status["status"]) == ("1-2", "error")
        assert OutboxEvent.objects.set_aside().get().last_error == "PermanentError: too large"

    @pytest.mark.parametrize(
        "event",
        [
            NewEvent(TOPIC, "1", "message.created", {"content": "no ids"}),
            NewEvent("no-such-topic", "1", "message.created", {}),
            message_event(1, 1, content="bell \x07"),
            message_event(1, 1, content="x" * 4001),
        ],
        ids=["fields missing", "unknown topic", "control character", "too long"],
    )
    def test_never_sends_what_breaks_the_contract(self, relay, failing, event):
        record(event, message_event(1, 2))
        relay.run_round()
        assert OutboxEvent.objects.set_aside().count() == 1
        assert seqs(failing, 1) == [2]

    def test_a_refused_password_sets_nothing_aside(self, relay, failing):
        record(message_event(1, 1))
        failing.failure = lambda _record: ConfigurationError("wrong password")
        relay.run_round()
        assert statuses() == [Status.WAITING]

    def test_a_row_set_aside_goes_out_when_an_operator_retries_it(self, relay, failing):
        record(message_event(1, 1))
        failing.failure = lambda _record: PermanentError("no")
        relay.run_round()
        failing.failure = lambda _record: None
        assert OutboxEvent.objects.retry(actor="a test") == 1
        relay.run_round()
        assert seqs(failing, 1) == [1]

    def test_a_cancelled_row_never_goes_out(self, relay, failing):
        record(message_event(1, 1), message_event(1, 2))
        OutboxEvent.objects.filter(payload__contains='"seq":1,').cancel(actor="a test")
        relay.run_round()
        assert seqs(failing, 1) == [2]

    def test_a_receiver_that_fails_does_not_stop_it(self, relay, failing):
        def fail(**_given) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM no_such_table")

        published.connect(fail)
        try:
            record(message_event(1, 1))
            relay.run_round()
        finally:
            published.disconnect(fail)
        assert statuses() == [Status.PUBLISHED]

    def test_receivers_work_in_the_transaction_that_marks(self, relay, failing):
        inside: list[bool] = []

        def look(**_given) -> None:
            inside.append(connection.in_atomic_block)

        published.connect(look)
        try:
            record(message_event(1, 1))
            relay.run_round()
        finally:
            published.disconnect(look)
        assert inside == [True]


@pytest.fixture
def running(failing, tmp_path):
    """Starts relays in threads; each has its own lock object on the same lock."""
    started: list[tuple[Relay, threading.Thread]] = []

    def start(adapter=failing, **options) -> Relay:
        relay = Relay(
            KafkaTarget(adapter),
            FileLock(tmp_path / "relay.lock"),
            gather_seconds=0,
            retry=RetryPolicy(initial_seconds=0.01),
            **options,
        )
        outbox_recorded.connect(relay.wake)
        thread = threading.Thread(target=relay.run)
        thread.start()
        started.append((relay, thread))
        return relay

    yield start
    for relay, thread in started:
        outbox_recorded.disconnect(relay.wake)
        relay.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()


class TestRun:
    def test_is_woken_by_a_commit_long_before_it_sweeps(self, running, failing):
        relay = running(sweep_seconds=600)
        wait_until(lambda: relay.has_lock, seconds=5)
        for seq in range(1, 6):
            record(message_event(1, seq))
            wait_until(lambda: len(seqs(failing, 1)) == seq, seconds=5, every=0.002)  # noqa: B023

    def test_sweeps_what_nobody_told_of(self, running, failing):
        relay = running(sweep_seconds=0.2)
        wait_until(lambda: relay.has_lock, seconds=5)
        outbox_recorded.disconnect(relay.wake)
        record(message_event(1, 1))
        wait_until(lambda: seqs(failing, 1) == [1], seconds=5)

    def test_only_one_works_at_a_time_and_another_takes_over(self, running, failing):
        first = running()
        wait_until(lambda: first.has_lock, seconds=5)
        second = running()
        record_chats(4, 10)
        wait_until(lambda: not OutboxEvent.objects.waiting().exists(), seconds=10)
        assert not second.has_lock
        first.stop()
        wait_until(lambda: second.has_lock, seconds=5)
        record(message_event(1, 11))
        wait_until(lambda: not OutboxEvent.objects.waiting().exists(), seconds=5)
        assert [seqs(failing, chat) for chat in (1, 2)] == [[*range(1, 12)], [*range(1, 11)]]

    def test_survives_a_bus_that_is_away_and_drains_in_order(self, running, broker):
        breaker = CircuitBreaker(failure_limit=2, open_seconds=0.2)
        adapter = InMemoryAdapter(broker=broker, breaker=breaker)
        broker.set_available(False)
        running(adapter)
        record_chats(2, 5)
        wait_until(lambda: state_says("open"), seconds=10)
        assert not adapter.get_published_messages(TOPIC)
        broker.set_available(True)
        wait_until(lambda: not OutboxEvent.objects.waiting().exists(), seconds=10)
        assert [seqs(adapter, chat) for chat in (1, 2)] == [[1, 2, 3, 4, 5]] * 2
        wait_until(lambda: state_says("closed"), seconds=10)

    def test_survives_a_fault_that_nobody_foresaw(self, running, failing):
        faults = [ZeroDivisionError(), None]

        def fail_once(_record: OutgoingRecord) -> None:
            if fault := faults.pop() if len(faults) > 1 else None:
                raise fault

        faults.reverse()
        failing.failure = fail_once
        running()
        record(message_event(1, 1))
        wait_until(lambda: seqs(failing, 1) == [1], seconds=10)


def state_says(breaker: str) -> bool:
    return RelayState.objects.filter(breaker=breaker).exists()


class TestADatabaseThatDoesNotWrite:
    def test_has_nothing_sent_again_before_it_writes(self, make_relay, failing, monkeypatch):
        """What cannot be marked would go out with every try."""
        record_chats(1, 3)
        tries: list[str] = []

        def refuse(*given, **named) -> None:
            tries.append("refused")
            raise DatabaseAwayError("The database is away: it is read-only (25006)")

        relay = make_relay()
        thread = threading.Thread(target=relay.run)
        with monkeypatch.context() as patched:
            patched.setattr(relay_module, "mark_published", refuse)
            patched.setattr(ProcessReport, "_save", refuse)
            thread.start()
            wait_until(lambda: len(tries) >= 4, seconds=20)
        assert len(failing.batches) <= 1
        wait_until(lambda: statuses() == [Status.PUBLISHED] * 3, seconds=20)
        relay.stop()
        thread.join(DEADLINE)


class TestAlarm:
    def test_a_ring_before_the_wait_is_not_lost(self):
        alarm = Alarm()
        alarm.ring()
        alarm.wait(60)  # would outlast the test
        alarm.close()

    def test_never_blocks_who_rings(self):
        alarm = Alarm()
        for _ in range(100_000):
            alarm.ring()
        alarm.wait(60)
        alarm.close()
        alarm.ring()
