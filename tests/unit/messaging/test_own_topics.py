"""A consumer that lacks one of its topics is not well, whatever its loop does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from messaging.bus.memory_adapter import InMemoryAdapter, InMemoryBroker
from messaging.errors import ConfigurationError
from messaging.operating.own_topics import OwnTopics
from tests.support.processes import wait_until


@pytest.fixture
def broker() -> InMemoryBroker:
    return InMemoryBroker()


@pytest.fixture
def adapter(broker) -> Iterator[InMemoryAdapter]:
    adapter = InMemoryAdapter(broker=broker)
    adapter.ensure_topics(["a"], partitions=1, replication=1)
    yield adapter
    adapter.close(timeout_seconds=1)


@pytest.fixture
def own_topics(adapter) -> OwnTopics:
    return OwnTopics(adapter, ["a", "b"], look_seconds=0.0)


class TestOwnTopics:
    def test_lack_one_that_does_not_exist_until_it_does(self, adapter, own_topics, caplog):
        wait_until(lambda: not own_topics.are_there(), seconds=5)
        for _ in range(20):
            assert not own_topics.are_there()
        adapter.ensure_topics(["b"], partitions=1, replication=1)
        wait_until(own_topics.are_there, seconds=5)
        assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
            "A topic of this group is unavailable: b does not exist",
            "A topic of this group is available again",
        ]

    def test_lack_one_that_is_not_allowed(self, adapter, own_topics, monkeypatch):
        def refuse(topics):
            raise ConfigurationError("Kafka does not allow us a topic")

        monkeypatch.setattr(adapter, "describe_topics", refuse)
        wait_until(lambda: not own_topics.are_there(), seconds=5)

    def test_are_not_judged_while_kafka_is_away(self, adapter, broker):
        broker.set_available(False)
        own_topics = OwnTopics(adapter, ["a", "b"], look_seconds=0.0)
        for _ in range(20):
            assert own_topics.are_there()
