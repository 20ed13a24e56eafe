"""The bus stopped, killed, frozen and restarted in the middle: what must hold on every adapter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from messaging.bus.circuit_breaker import CircuitBreaker
from messaging.bus.kafka.adapter import KafkaAdapter
from messaging.bus.retry import RetryPolicy
from messaging.contract.records import RecordPosition
from messaging.errors import RetryableError, ShuttingDownError
from tests.contract.conftest import Bus, first_arrivals, kafka_bus, outgoing, read
from tests.support.processes import DEADLINE, PATIENCE
from tests.support.services import Kafka, wait_until

Unique = Callable[[str], str]


def patient() -> CircuitBreaker:
    """A breaker that never opens: these tests look at what is behind it."""
    return CircuitBreaker(failure_limit=1_000_000)


class TestStoppedBus:
    def test_refuses_every_record_with_a_retryable_error(
        self, fragile_bus: Bus, unique: Unique
    ) -> None:
        topic = fragile_bus.topic(unique("stopped"))
        adapter = fragile_bus.adapter()
        adapter.publish_many(outgoing(topic, 5))
        fragile_bus.stop()
        started = time.monotonic()
        results = adapter.publish_many(outgoing(topic, 50), timeout_seconds=2)
        assert time.monotonic() - started < 5 * PATIENCE
        assert [isinstance(result, RetryableError) for result in results] == [True] * 50

    def test_keeps_the_order_when_all_is_sent_again(self, fragile_bus: Bus, unique: Unique) -> None:
        topic = fragile_bus.topic(unique("again"))
        adapter = fragile_bus.adapter(breaker=patient())
        waiting = outgoing(topic, 300)
        adapter.publish_many(waiting[:100])
        fragile_bus.stop()
        adapter.publish_many(waiting[100:200], timeout_seconds=1)
        fragile_bus.start()

        def is_all_written() -> bool:
            results = adapter.publish_many(waiting[100:], timeout_seconds=5)
            return all(isinstance(result, RecordPosition) for result in results)

        wait_until(is_all_written, seconds=40, what="everything is written")
        records = read(fragile_bus.source(adapter, unique("group"), topic), 300)
        arrived = first_arrivals(records)
        assert sum(map(len, arrived.values())) == 300
        for numbers in arrived.values():
            assert numbers == sorted(numbers)

    def test_is_told_by_connect_ping_and_topics(self, fragile_bus: Bus) -> None:
        fragile_bus.stop()
        adapter = fragile_bus.adapter(retry=RetryPolicy(tries=2, limit_seconds=3))
        started = time.monotonic()
        with pytest.raises(RetryableError):
            adapter.connect()
        with pytest.raises(RetryableError):
            adapter.ping(timeout_seconds=1)
        assert time.monotonic() - started < 6 * PATIENCE

    def test_opens_the_breaker_and_then_answers_at_once(
        self, fragile_bus: Bus, unique: Unique
    ) -> None:
        topic = fragile_bus.topic(unique("breaker"))
        adapter = fragile_bus.adapter(breaker=CircuitBreaker(failure_limit=1, open_seconds=1))
        adapter.publish_many(outgoing(topic, 1))
        fragile_bus.stop()
        adapter.publish_many(outgoing(topic, 1), timeout_seconds=1)
        assert adapter.breaker.state == "open"
        started = time.monotonic()
        (refused,) = adapter.publish_many(outgoing(topic, 1))
        assert isinstance(refused, RetryableError)
        assert time.monotonic() - started < 0.2 * PATIENCE
        fragile_bus.start()

        def is_written() -> bool:
            (result,) = adapter.publish_many(outgoing(topic, 1), timeout_seconds=5)
            return isinstance(result, RecordPosition)

        wait_until(is_written, seconds=40, every=0.2)
        assert adapter.breaker.state == "closed"

    def test_lets_a_member_go_on_when_it_is_back(self, fragile_bus: Bus, unique: Unique) -> None:
        topic = fragile_bus.topic(unique("member"))
        adapter = fragile_bus.adapter(breaker=patient())
        adapter.publish_many(outgoing(topic, 20))
        source = fragile_bus.source(adapter, unique("group"), topic)
        read(source, 20)
        fragile_bus.stop()
        assert source.poll(max_records=10, timeout_seconds=0.5) == []
        fragile_bus.start()

        def is_written() -> bool:
            results = adapter.publish_many(outgoing(topic, 20, first=20), timeout_seconds=5)
            return all(isinstance(result, RecordPosition) for result in results)

        wait_until(is_written, seconds=40)
        values: set[bytes | None] = set()

        def has_all() -> bool:
            values.update(r.value for r in source.poll(max_records=100, timeout_seconds=0.2))
            return values >= {b"%d" % number for number in range(20, 40)}

        wait_until(has_all, seconds=40, what="the member reads on")


class TestRestartedKafka:
    def test_in_the_middle_of_a_batch_neither_loses_nor_doubles_a_record(
        self, fragile_kafka: Kafka, unique: Unique
    ) -> None:
        bus = kafka_bus(fragile_kafka.brokers)
        topic = bus.topic(unique("middle"))
        adapter = bus.adapter(breaker=patient())
        adapter.publish_many(outgoing(topic, 1))
        results: list[object] = []
        is_killed = threading.Event()

        def publish() -> None:
            """Goes on until Kafka is gone, so that there is a batch for it to break."""
            while not is_killed.is_set():
                records = outgoing(topic, 5_000, keys=50, first=len(results))
                results.extend(adapter.publish_many(records, timeout_seconds=60))

        publishing = threading.Thread(target=publish)
        publishing.start()
        wait_until(lambda: adapter.lag(group_id="x", topics=[topic])[0].records > 100, seconds=20)
        fragile_kafka.kill()
        is_killed.set()
        fragile_kafka.start()
        publishing.join(90 * PATIENCE)
        assert {type(result) for result in results} == {RecordPosition}
        written = read(bus.source(adapter, unique("group"), topic), len(results), seconds=60)
        arrived = first_arrivals(written)
        assert len(written) == len(results) + 1
        for numbers in arrived.values():
            assert numbers == sorted(numbers)
        bus.close()


class TestFrozenKafka:
    """SIGSTOP: connections stay, answers do not come."""

    def test_keeps_every_deadline(self, fragile_kafka: Kafka, unique: Unique) -> None:
        bus = kafka_bus(fragile_kafka.brokers)
        topic = bus.topic(unique("frozen"))
        adapter = bus.adapter(breaker=patient(), retry=RetryPolicy(tries=1))
        adapter.publish_many(outgoing(topic, 10))
        source = bus.source(adapter, unique("group"), topic)
        records = read(source, 10)
        fragile_kafka.freeze()
        for limit, call in (
            (3, lambda: adapter.publish_many(outgoing(topic, 10), timeout_seconds=2)),
            (3, lambda: source.poll(max_records=10, timeout_seconds=1)),
            (7, lambda: source.commit({r.topic_partition: r.offset + 1 for r in records})),
            (3, lambda: adapter.ping(timeout_seconds=2)),
            (7, lambda: bus.adapter(retry=RetryPolicy(tries=1)).connect()),
            (12, lambda: adapter.open_source(group_id="frozen", topics=[topic])),
            (4, lambda: source.close(timeout_seconds=2)),
            (4, lambda: adapter.close(timeout_seconds=2)),
        ):
            started = time.monotonic()
            try:
                result = call()
            except RetryableError:
                result = None
            assert time.monotonic() - started < limit * PATIENCE
            if isinstance(result, list) and result:
                assert all(isinstance(one, RetryableError) for one in result)
        fragile_kafka.thaw()
        bus.close()

    def test_keeps_the_order_when_what_was_given_up_arrives_after_all(
        self, fragile_kafka: Kafka, unique: Unique
    ) -> None:
        bus = kafka_bus(fragile_kafka.brokers)
        topic = bus.topic(unique("thawed"))
        adapter = bus.adapter(breaker=patient())
        records = outgoing(topic, 2000)
        adapter.publish_many(records[:500])
        fragile_kafka.freeze()
        given_up = adapter.publish_many(records[500:1500], timeout_seconds=1)
        assert all(isinstance(result, RetryableError) for result in given_up)
        fragile_kafka.thaw()

        def is_all_written() -> bool:
            results = adapter.publish_many(records[500:], timeout_seconds=10)
            return all(isinstance(result, RecordPosition) for result in results)

        wait_until(is_all_written, seconds=40)
        written = read(bus.source(adapter, unique("group"), topic), 2000)
        for numbers in first_arrivals(written).values():
            assert len(numbers) == 400
            assert numbers == sorted(numbers)
        bus.close()

    def test_does_not_keep_a_publisher_from_shutting_down(
        self, fragile_kafka: Kafka, unique: Unique
    ) -> None:
        bus = kafka_bus(fragile_kafka.brokers)
        topic = bus.topic(unique("closing"))
        adapter = bus.adapter(breaker=patient())
        adapter.publish_many(outgoing(topic, 1))
        fragile_kafka.freeze()
        outcome: list[Exception] = []

        def publish() -> None:
            try:
                adapter.publish(topic, {"id": "1"})
            except (RetryableError, ShuttingDownError) as error:
                outcome.append(error)

        publishing = threading.Thread(target=publish)
        publishing.start()
        wait_until(lambda: adapter._in_flight > 0, seconds=5)
        started = time.monotonic()
        adapter.close(timeout_seconds=1)
        publishing.join(DEADLINE)
        assert time.monotonic() - started < 8 * PATIENCE
        assert outcome
        fragile_kafka.thaw()
        bus.close()


class TestUnreachableKafka:
    """No broker, or something else, where the broker should be."""

    def test_is_told_in_words_within_the_deadline(self) -> None:
        adapter = KafkaAdapter(brokers=["127.0.0.1:1"], retry=RetryPolicy(tries=2, limit_seconds=4))
        started = time.monotonic()
        with pytest.raises(RetryableError) as caught:
            adapter.connect()
        assert time.monotonic() - started < 6 * PATIENCE
        assert "127.0.0.1:1" in str(caught.value)
        assert "KAFKA_BROKERS" in str(caught.value)
        assert "MESSAGE_BUS=embedded" in str(caught.value)
        adapter.close()

    @pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_SSL"])
    def test_that_accepts_and_stays_silent_costs_one_deadline_each_time(
        self, silent_peer: str, protocol: str
    ) -> None:
        security = {
            "security_protocol": protocol,
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": "webchat",
            "sasl_plain_password": "a-secret",
        }
        if not protocol.startswith("SASL"):
            del security["sasl_mechanism"]
        adapter = KafkaAdapter(
            brokers=[silent_peer],
            security=security,
            retry=RetryPolicy(tries=1),
            connect_try_seconds=1,
        )
        before = threading.active_count()
        for _ in range(3):
            started = time.monotonic()
            with pytest.raises(RetryableError) as caught:
                adapter.connect()
            assert time.monotonic() - started < 2 * PATIENCE
            assert "a-secret" not in str(caught.value)
            with pytest.raises(RetryableError):
                adapter.ping(timeout_seconds=0.5)
        # One that hangs for connect, one for ping, each with kafka-python's own.
        assert threading.active_count() - before <= 4
        adapter.close()

    def test_does_not_keep_a_connecting_publisher_from_shutting_down(
        self, silent_peer: str
    ) -> None:
        adapter = KafkaAdapter(brokers=[silent_peer], retry=RetryPolicy(tries=1))
        connecting = threading.Thread(
            target=adapter.publish_many, args=(outgoing("topic", 1),), kwargs={"timeout_seconds": 4}
        )
        connecting.start()
        wait_until(lambda: adapter._in_flight > 0, seconds=5)
        started = time.monotonic()
        adapter.close(timeout_seconds=0.3)
        assert time.monotonic() - started < 1.5 * PATIENCE
        connecting.join(DEADLINE)
        assert not connecting.is_alive()
