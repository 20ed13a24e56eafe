"""Retries, refusals and closing, with a fake bus and no real time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import pytest

from messaging.bus.adapter import PartitionLag, TopicDescription
from messaging.bus.base_adapter import BusAdapter
from messaging.bus.circuit_breaker import CircuitBreaker
from messaging.bus.memory_broker import InMemoryReader, InMemorySource
from messaging.contract.records import OutgoingRecord, RecordPosition
from messaging.errors import (
    CircuitOpenError,
    PermanentError,
    RetryableError,
    ShuttingDownError,
    TopicLackingError,
)
from tests.support.processes import DEADLINE

WRITTEN = RecordPosition("topic", 0, 7)


class ScriptedAdapter(BusAdapter):
    """Gives the outcomes in turn, the last one for ever; remembers waits."""

    def __init__(self, *outcomes: RecordPosition | Exception, **options: object) -> None:
        self.waits: list[float] = []
        self.sent: list[OutgoingRecord] = []
        self.timeouts: list[float] = []
        self.disconnects = 0
        self._outcomes = list(outcomes)
        options.setdefault("breaker", CircuitBreaker(failure_limit=100))
        options.setdefault("sleep", self.waits.append)
        super().__init__(group_id="group", **options)  # type: ignore[arg-type]

    def connect(self) -> None: ...

    def ping(self, *, timeout_seconds: float = 2.0) -> None: ...

    def lag(self, *, group_id: str, topics: Sequence[str]) -> list[PartitionLag]:
        return []

    def ensure_topics(
        self, topics: Sequence[str], *, partitions: int, replication: int
    ) -> list[str]:
        return []

    def describe_topics(self, topics: Sequence[str]) -> list[TopicDescription]:
        return []

    def find_lacking(self, topics: Sequence[str]) -> dict[str, str]:
        return {}

    def open_source(self, *, group_id: str, topics: Sequence[str]) -> InMemorySource:
        raise RetryableError("nothing to read here")

    def open_reader(self, topics: Sequence[str]) -> InMemoryReader:
        raise RetryableError("nothing to read here")

    def _send(
        self, records: Sequence[OutgoingRecord], timeout_seconds: float
    ) -> list[RecordPosition | Exception]:
        self.sent.extend(records)
        self.timeouts.append(timeout_seconds)
        outcome = self._outcomes[0] if len(self._outcomes) == 1 else self._outcomes.pop(0)
        return [outcome] * len(records)

    def _disconnect(self, timeout_seconds: float) -> None:
        self.disconnects += 1


class TestPublish:
    def test_waits_one_two_four_and_then_five_seconds(self) -> None:
        adapter = ScriptedAdapter(RetryableError("away"))
        with pytest.raises(RetryableError):
            adapter.publish("topic", {"id": "1"}, retries=7)
        assert adapter.waits == [1, 2, 4, 5, 5, 5]

    def test_tries_three_times_when_not_told_otherwise(self) -> None:
        adapter = ScriptedAdapter(RetryableError("away"))
        with pytest.raises(RetryableError):
            adapter.publish("topic", {"id": "1"})
        assert len(adapter.sent) == 3
        assert adapter.waits == [1, 2]
        assert sum(adapter.timeouts) + sum(adapter.waits) <= 30

    def test_raises_the_last_error(self) -> None:
        adapter = ScriptedAdapter(*(RetryableError(f"try {n}") for n in (1, 2, 3)))
        with pytest.raises(RetryableError, match="try 3"):
            adapter.publish("topic", {"id": "1"})

    def test_ends_with_the_first_success(self) -> None:
        adapter = ScriptedAdapter(RetryableError("away"), WRITTEN)
        assert adapter.publish("topic", {"id": "1"}) == WRITTEN
        assert adapter.waits == [1]

    def test_does_not_try_the_impossible_again(self) -> None:
        adapter = ScriptedAdapter(PermanentError("never"))
        with pytest.raises(PermanentError):
            adapter.publish("topic", {"id": "1"})
        assert adapter.waits == []

    def test_gives_up_when_the_bus_shuts_down_while_it_waits(self) -> None:
        adapter: ScriptedAdapter = ScriptedAdapter(
            RetryableError("away"), sleep=lambda seconds: adapter.close()
        )
        with pytest.raises(ShuttingDownError):
            adapter.publish("topic", {"id": "1"})
        assert len(adapter.sent) == 1

    def test_waits_for_real_only_until_it_is_closed(self) -> None:
        adapter = ScriptedAdapter(RetryableError("away"), sleep=None)
        outcome: list[Exception] = []

        def publish() -> None:
            try:
                adapter.publish("topic", {"id": "1"}, retries=50)
            except ShuttingDownError as error:
                outcome.append(error)

        thread = threading.Thread(target=publish)
        thread.start()
        adapter.close()
        thread.join(DEADLINE)
        assert not thread.is_alive()
        assert outcome

    def test_logs_ids_and_never_content(self, caplog: pytest.LogCaptureFixture) -> None:
        adapter = ScriptedAdapter(RetryableError("away"), WRITTEN)
        with caplog.at_level(logging.DEBUG, "messaging"):
            adapter.publish(
                "topic",
                {"id": "1", "content": "not-for-the-log"},
                headers=(("event-id", b"e-1"),),
            )
        outage, failed, published = caplog.records
        assert outage.message == "Kafka is unavailable: away"
        assert (vars(failed)["event_id"], vars(failed)["attempt"]) == ("e-1", 1)
        assert (vars(published)["partition"], vars(published)["offset"]) == (0, 7)
        assert not any("not-for-the-log" in str(vars(record)) for record in caplog.records)


class TestPublishMany:
    def test_logs_each_record_at_debug_and_the_first_failure_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        good = [
            OutgoingRecord("topic", "k", b"not-for-the-log", (("event-id", b"e-%d" % number),))
            for number in range(3)
        ]
        with caplog.at_level(logging.DEBUG, "messaging.bus.base_adapter"):
            ScriptedAdapter(WRITTEN).publish_many(good)
            ScriptedAdapter(RetryableError("away")).publish_many(good)
        *published, _outage, failure = caplog.records
        assert [vars(record)["event_id"] for record in published] == ["e-0", "e-1", "e-2"]
        assert "3 of 3" in failure.getMessage()
        assert vars(failure)["event_id"] == "e-0"
        assert not any("not-for-the-log" in str(vars(record)) for record in caplog.records)


class TestBreaker:
    def test_counts_calls_and_not_records(self) -> None:
        adapter = ScriptedAdapter(
            RetryableError("away"), breaker=CircuitBreaker(failure_limit=2, open_seconds=60)
        )
        records = [OutgoingRecord("topic", "k", b"1")] * 10
        adapter.publish_many(records)
        assert adapter.breaker.state == "closed"
        adapter.publish_many(records)
        assert adapter.breaker.state == "open"
        results = adapter.publish_many(records)
        assert [type(result) for result in results] == [CircuitOpenError] * 10
        assert len(adapter.sent) == 20

    def test_stays_closed_when_the_brokers_refuse_a_topic(self) -> None:
        refusal = TopicLackingError("topic", "is not allowed")
        adapter = ScriptedAdapter(refusal, breaker=CircuitBreaker(failure_limit=1))
        assert adapter.publish_many([OutgoingRecord("topic", "1", b"{}")]) == [refusal]
        assert adapter.breaker.state == "closed"

    def test_takes_a_refused_record_for_an_answer(self) -> None:
        adapter = ScriptedAdapter(PermanentError("bad"), breaker=CircuitBreaker(failure_limit=1))
        adapter.publish_many([OutgoingRecord("topic", "k", b"1")])
        assert adapter.breaker.state == "closed"

    def test_takes_a_crash_for_a_failure(self) -> None:
        class CrashingAdapter(ScriptedAdapter):
            def _send(
                self, records: Sequence[OutgoingRecord], timeout_seconds: float
            ) -> list[RecordPosition | Exception]:
                raise ZeroDivisionError

        adapter = CrashingAdapter(WRITTEN, breaker=CircuitBreaker(failure_limit=1))
        with pytest.raises(ZeroDivisionError):
            adapter.publish_many([OutgoingRecord("topic", "k", b"1")])
        assert adapter.breaker.state == "open"


class TestClose:
    def test_waits_for_what_is_in_flight(self) -> None:
        is_sending, may_send = threading.Event(), threading.Event()
        disconnected_after: list[int] = []

        class SlowAdapter(ScriptedAdapter):
            def _send(
                self, records: Sequence[OutgoingRecord], timeout_seconds: float
            ) -> list[RecordPosition | Exception]:
                is_sending.set()
                may_send.wait(DEADLINE)
                return super()._send(records, timeout_seconds)

            def _disconnect(self, timeout_seconds: float) -> None:
                disconnected_after.append(len(self.sent))

        adapter = SlowAdapter(WRITTEN)
        sending = threading.Thread(
            target=adapter.publish_many, args=([OutgoingRecord("topic", "k", b"1")],)
        )
        sending.start()
        assert is_sending.wait(DEADLINE)
        closing = threading.Thread(target=adapter.close)
        closing.start()
        may_send.set()
        closing.join(DEADLINE)
        sending.join(DEADLINE)
        assert disconnected_after == [1]

    def test_disconnects_all_the_same_when_that_takes_too_long(self) -> None:
        is_sending, may_send = threading.Event(), threading.Event()

        class StuckAdapter(ScriptedAdapter):
            def _send(
                self, records: Sequence[OutgoingRecord], timeout_seconds: float
            ) -> list[RecordPosition | Exception]:
                is_sending.set()
                may_send.wait(DEADLINE)
                return super()._send(records, timeout_seconds)

        adapter = StuckAdapter(WRITTEN)
        sending = threading.Thread(
            target=adapter.publish_many, args=([OutgoingRecord("topic", "k", b"1")],)
        )
        sending.start()
        assert is_sending.wait(DEADLINE)
        adapter.close(timeout_seconds=0.1)
        assert adapter.disconnects == 1
        may_send.set()
        sending.join(DEADLINE)
