"""Reading topics once more, outside of every group, on every adapter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from messaging.bus.adapter import TopicReader
from messaging.contract.records import Record, TopicPartition
from messaging.errors import RetryableError
from tests.contract.conftest import PARTITIONS, Bus, kafka_bus, outgoing
from tests.contract.test_reading import numbers
from tests.support.services import KafkaServer

Unique = Callable[[str], str]


@pytest.fixture
def opened(bus: Bus) -> Iterator[Callable[..., TopicReader]]:
    readers: list[TopicReader] = []

    def open_reader(*topics: str) -> TopicReader:
        readers.append(bus.adapter().open_reader(topics))
        return readers[-1]

    yield open_reader
    for reader in readers:
        reader.close()


def everything(reader: TopicReader) -> list[Record]:
    return [r for batch in reader.read(reader.beginnings(), reader.ends()) for r in batch]


class TestReadAgain:
    def test_gives_all_in_order_and_comes_to_an_end(self, bus, unique, opened) -> None:
        topic = bus.topic(unique("again"))
        bus.adapter().publish_many(outgoing(topic, 2500))
        records = everything(opened(topic))
        assert numbers(records) == list(range(2500))
        for part in range(PARTITIONS):
            offsets = [record.offset for record in records if record.partition == part]
            assert offsets == list(range(len(offsets)))

    def test_may_be_done_any_number_of_times(self, bus, unique, opened) -> None:
        topic = bus.topic(unique("twice"))
        bus.adapter().publish_many(outgoing(topic, 100))
        reader = opened(topic)
        assert numbers(everything(reader)) == numbers(everything(reader)) == list(range(100))

    def test_stops_at_the_ends_that_were_asked_for(self, bus, unique, opened) -> None:
        topic = bus.topic(unique("ends"))
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 40))
        reader = opened(topic)
        ends = reader.ends()
        adapter.publish_many(outgoing(topic, 40, first=40))
        found = [r for batch in reader.read(reader.beginnings(), ends) for r in batch]
        assert numbers(found) == list(range(40))
        rest = [r for batch in reader.read(ends, reader.ends()) for r in batch]
        assert numbers(rest) == list(range(40, 80))

    def test_of_an_empty_or_missing_topic_gives_nothing(self, bus, unique, opened) -> None:
        assert everything(opened(bus.topic(unique("empty")), unique("missing"))) == []

    def test_leaves_out_the_rest_of_a_partition(self, bus, unique, opened) -> None:
        topic = bus.topic(unique("rest"))
        bus.adapter().publish_many(outgoing(topic, 4000))
        reader = opened(topic)
        ends = reader.ends()
        left_out = max(ends, key=lambda part: ends[part])
        read = 0
        for batch in reader.read(reader.beginnings(), ends):
            reader.skip_rest(left_out)
            read += len(batch)
        others = sum(end for part, end in ends.items() if part != left_out)
        assert others <= read < sum(ends.values())

    def test_finds_where_a_time_begins(self, bus, unique, opened) -> None:
        topic = bus.topic(unique("time"))
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 20))
        time.sleep(0.01)  # the records' own clock is what is tested
        between = int(time.time() * 1000)
        adapter.publish_many(outgoing(topic, 20, first=20))
        reader = opened(topic)
        found = [
            r for batch in reader.read(reader.offsets_at(between), reader.ends()) for r in batch
        ]
        assert numbers(found) == list(range(20, 40))
        assert reader.offsets_at(between + 3_600_000) == reader.ends()

    def test_disturbs_no_group(self, bus, unique, opened) -> None:
        topic, group = bus.topic(unique("group")), unique("group")
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 10))
        source = bus.source(adapter, group, topic)
        everything(opened(topic))
        lags = adapter.lag(group_id=group, topics=[topic])
        assert sum(lag.records for lag in lags) == 10
        source.close()

    @pytest.mark.long
    def test_fails_in_time_when_the_bus_is_away(self, fragile_bus: Bus, unique: Unique) -> None:
        topic = fragile_bus.topic(unique("away"))
        adapter = fragile_bus.adapter()
        adapter.publish_many(outgoing(topic, 10))
        fragile_bus.stop()
        with pytest.raises(RetryableError):
            adapter.open_reader([topic])


class TestKafkaReader:
    def test_gives_up_when_the_brokers_say_nothing(
        self, kafka: KafkaServer, unique: Unique, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An end that is never reached stands for brokers that have gone."""
        monkeypatch.setattr("messaging.bus.kafka.reader.SILENT_SECONDS", 0.5)
        bus = kafka_bus(kafka.brokers)
        topic = bus.topic(unique("silent"), partitions=1)
        bus.adapter().publish_many(outgoing(topic, 5))
        reader = bus.adapter().open_reader([topic])
        part = TopicPartition(topic, 0)
        try:
            with pytest.raises(RetryableError, match="given nothing"):
                list(reader.read({part: 0}, {part: 99}))
        finally:
            reader.close()
            bus.close()
