"""What only the in-memory bus does; the rest is in tests/contract."""

from __future__ import annotations

import threading

import pytest

from messaging.bus.memory_adapter import InMemoryAdapter, InMemoryBroker
from messaging.contract.records import TopicPartition
from messaging.errors import PartitionsLostError
from tests.support.processes import DEADLINE


class TestPublishedMessages:
    def test_are_given_in_the_order_in_which_they_were_published(self) -> None:
        adapter = InMemoryAdapter(broker=InMemoryBroker(partitions=3))
        messages = [{"id": str(number)} for number in range(20)]
        for message in messages:
            adapter.publish("topic", message)
        assert adapter.get_published_messages("topic") == messages

    def test_of_an_unknown_topic_are_none(self) -> None:
        assert InMemoryAdapter().get_published_messages("topic") == []


class TestInMemoryBroker:
    def test_makes_a_missing_topic_as_kafka_with_auto_creation_does(self) -> None:
        adapter = InMemoryAdapter(broker=InMemoryBroker(partitions=2))
        adapter.publish("topic", {"id": "1"})
        (described,) = adapter.describe_topics(["topic"])
        assert described.partitions == 2

    def test_belongs_to_whom_it_is_given_and_to_nobody_else(self) -> None:
        broker = InMemoryBroker()
        InMemoryAdapter(broker=broker).publish("topic", {"id": "1"})
        assert InMemoryAdapter(broker=broker).get_published_messages("topic") == [{"id": "1"}]
        assert InMemoryAdapter().get_published_messages("topic") == []


class TestInMemorySource:
    def test_may_not_commit_once_another_member_has_come(self) -> None:
        adapter = InMemoryAdapter(broker=InMemoryBroker(partitions=1))
        adapter.publish("topic", {"id": "1"})
        source = adapter.open_source(group_id="group", topics=["topic"])
        assert source.poll(max_records=1, timeout_seconds=0)
        adapter.open_source(group_id="group", topics=["topic"])
        with pytest.raises(PartitionsLostError):
            source.commit({TopicPartition("topic", 0): 1})

    def test_wakes_at_once_when_something_is_published(self) -> None:
        adapter = InMemoryAdapter()
        source = adapter.open_source(group_id="group", topics=["topic"])
        polled: list[object] = []
        thread = threading.Thread(
            target=lambda: polled.extend(source.poll(max_records=1, timeout_seconds=30))
        )
        thread.start()
        adapter.publish("topic", {"id": "1"})
        thread.join(DEADLINE)
        assert len(polled) == 1
