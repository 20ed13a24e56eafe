"""A real broker refuses batches; see Note [Refused batches] in the publisher."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from messaging.contract.records import OutgoingRecord, RecordPosition
from messaging.errors import PermanentError
from tests.contract.conftest import Bus, kafka_bus, read
from tests.support.kafka_topics import limit_records
from tests.support.services import KafkaServer

Unique = Callable[[str], str]


@pytest.fixture
def bus(kafka: KafkaServer):
    made = kafka_bus(kafka.brokers)
    yield made
    made.close()


def numbered(topic: str, key: str, size: int, number: int) -> OutgoingRecord:
    return OutgoingRecord(topic, key, b"%d " % number + b"x" * size)


class TestRefusedBatch:
    def test_blames_only_the_record_that_is_too_large(
        self, bus: Bus, kafka: KafkaServer, unique: Unique
    ) -> None:
        topic = bus.topic(unique("small"))
        limit_records(kafka.brokers, topic, 2000)
        sizes = [10, 10, 3000, 10, 10, 3000, 10, 10]
        records = [numbered(topic, f"key-{n % 2}", size, n) for n, size in enumerate(sizes)]
        adapter = bus.adapter()
        results = adapter.publish_many(records)
        assert [isinstance(result, PermanentError) for result in results] == [
            size == 3000 for size in sizes
        ]
        assert all(isinstance(results[n], RecordPosition) for n in (0, 1, 3, 4, 6, 7))
        found = read(bus.source(adapter, unique("group"), topic), 6)
        for key in (b"key-0", b"key-1"):
            numbers = [int((r.value or b"").split()[0]) for r in found if r.key == key]
            assert numbers == sorted(set(numbers))

    def test_takes_what_is_too_large_only_together(
        self, bus: Bus, kafka: KafkaServer, unique: Unique
    ) -> None:
        topic = bus.topic(unique("small"))
        limit_records(kafka.brokers, topic, 2000)
        adapter = bus.adapter()
        results = adapter.publish_many([numbered(topic, "key", 900, n) for n in range(10)])
        assert [type(result) for result in results] == [RecordPosition] * 10
        found = read(bus.source(adapter, unique("group"), topic), 10)
        assert [int((r.value or b"").split()[0]) for r in found] == list(range(10))

    def test_spoils_nothing_for_what_comes_later(
        self, bus: Bus, kafka: KafkaServer, unique: Unique
    ) -> None:
        topic = bus.topic(unique("small"))
        limit_records(kafka.brokers, topic, 2000)
        adapter = bus.adapter()
        (refused,) = adapter.publish_many([numbered(topic, "a", 3000, 0)])
        assert isinstance(refused, PermanentError)
        results = adapter.publish_many([numbered(topic, key, 10, 1) for key in "abcdef"])
        assert [type(result) for result in results] == [RecordPosition] * 6
