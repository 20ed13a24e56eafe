"""The same tests for every adapter: in memory, and on a real Kafka."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from messaging.bus.adapter import RecordSource
from messaging.bus.base_adapter import BusAdapter
from messaging.bus.kafka.adapter import KafkaAdapter
from messaging.bus.memory_adapter import InMemoryAdapter, InMemoryBroker
from messaging.contract.records import OutgoingRecord, Record, TopicPartition
from tests.support.kafka_topics import remove_records
from tests.support.needs import absent
from tests.support.services import Kafka, ServiceMissing, wait_until

PARTITIONS = 4


class Bus:
    """A bus under test: adapters on it, and its power switch."""

    def __init__(
        self,
        make: Callable[..., BusAdapter],
        switch: Callable[[bool], object],
        remove_before: Callable[[TopicPartition, int], object],
    ) -> None:
        self._make = make
        self.remove_before = remove_before  # as retention does
        self._switch = switch
        self._adapters: list[BusAdapter] = []
        self._sources: list[RecordSource] = []

    def adapter(self, **options: Any) -> BusAdapter:
        """Another process, as far as the bus can tell."""
        adapter = self._make(**options)
        self._adapters.append(adapter)
        return adapter

    def topic(self, name: str, *, partitions: int = PARTITIONS) -> str:
        self.adapter().ensure_topics([name], partitions=partitions, replication=1)
        return name

    def source(self, adapter: BusAdapter, group: str, *topics: str) -> RecordSource:
        source = adapter.open_source(group_id=group, topics=topics)
        self._sources.append(source)
        return source

    def stop(self) -> None:
        self._switch(False)

    def start(self) -> None:
        self._switch(True)

    def close(self) -> None:
        for source in self._sources:
            source.close(timeout_seconds=2)
        for adapter in self._adapters:
            adapter.close(timeout_seconds=2)


def memory_bus() -> Bus:
    broker = InMemoryBroker(partitions=PARTITIONS)
    return Bus(
        lambda **options: InMemoryAdapter(broker=broker, **options),
        lambda is_on: broker.set_available(is_on),
        broker.remove_before,
    )


def kafka_bus(brokers: str, switch: Callable[[bool], object] = lambda is_on: None) -> Bus:
    return Bus(
        lambda **options: KafkaAdapter(brokers=[brokers], **options),
        switch,
        lambda part, offset: remove_records(brokers, part.topic, part.partition, offset),
    )


@pytest.fixture(params=["memory", "kafka"])
def bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    """A bus that stays up; on Kafka, others use the same broker."""
    if request.param == "memory":
        made = memory_bus()
    else:
        made = kafka_bus(request.getfixturevalue("kafka").brokers)
    yield made
    made.close()


@pytest.fixture(scope="session")
def own_kafka() -> Iterator[Kafka]:
    """A broker that may be stopped, killed and frozen; it runs again after each test."""
    try:
        with Kafka() as broker:
            yield broker
    except ServiceMissing as error:
        absent(str(error))


@pytest.fixture
def fragile_kafka(own_kafka: Kafka) -> Iterator[Kafka]:
    yield own_kafka.start()
    own_kafka.thaw()
    own_kafka.start()


@pytest.fixture(params=["memory", "kafka"])
def fragile_bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    """A bus with a power switch."""
    if request.param == "memory":
        made = memory_bus()
    else:
        broker: Kafka = request.getfixturevalue("fragile_kafka")
        made = kafka_bus(broker.brokers, lambda is_on: broker.start() if is_on else broker.kill())
    yield made
    made.start()
    made.close()


def outgoing(topic: str, count: int, *, keys: int = 5, first: int = 0) -> list[OutgoingRecord]:
    """Records whose value is a number that grows, spread over the keys."""
    return [
        OutgoingRecord(topic=topic, key=f"key-{number % keys}", value=b"%d" % number)
        for number in range(first, first + count)
    ]


def read(source: RecordSource, count: int, *, seconds: float = 20.0) -> list[Record]:
    """Records with at least that many different values, not committed."""
    records: list[Record] = []
    values: set[bytes | None] = set()

    def is_enough() -> bool:
        polled = source.poll(max_records=500, timeout_seconds=0.2)
        records.extend(polled)
        values.update(record.value for record in polled)
        return len(values) >= count

    wait_until(is_enough, seconds=seconds, every=0, what=f"{count} records are read")
    return records


def share(*sources: RecordSource, count: int) -> list[Record]:
    """Polls in turn until the members together have that many partitions, each some of them."""
    records: list[Record] = []

    def is_shared() -> bool:
        for source in sources:
            records.extend(source.poll(max_records=100, timeout_seconds=0.1))
        shares = [source.assignment() for source in sources]
        return all(shares) and sum(map(len, shares)) == len(frozenset().union(*shares)) == count

    wait_until(is_shared, seconds=20, what=f"{len(sources)} members share {count} partitions")
    return records


def first_arrivals(records: list[Record]) -> dict[bytes | None, list[int]]:
    """Per key the numbers in the order in which each first came."""
    arrived: dict[bytes | None, list[int]] = {}
    for record in sorted(records, key=lambda record: (record.partition, record.offset)):
        numbers = arrived.setdefault(record.key, [])
        if int(record.value or b"") not in numbers:
            numbers.append(int(record.value or b""))
    return arrived


@pytest.fixture
def silent_peer() -> Iterator[str]:
    """An address where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"
