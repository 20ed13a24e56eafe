"""How far a group is, asked beside the loop that reads for it."""

from __future__ import annotations

import pytest

from messaging.bus.memory_adapter import InMemoryAdapter
from messaging.handling.consumer_state import Lag
from messaging.handling.registry import Handler, Registry
from messaging.operating.lag_watch import LagWatch
from tests.support.bus_parts import TOPIC, message_event
from tests.support.processes import wait_until


@pytest.fixture
def watch(adapter: InMemoryAdapter, registry: Registry):
    registry.add(Handler(topic=TOPIC, name="a", group="slow", function=lambda events: None))
    watch = LagWatch(adapter, registry, "slow", every_seconds=0.01)
    yield watch
    watch.stop()


class TestLagWatch:
    def test_knows_nothing_before_it_has_asked(self, watch):
        assert watch.latest is None

    def test_tells_what_is_unread(self, watch, adapter):
        for seq in (1, 2, 3):
            adapter.publish(TOPIC, message_event(1, seq).payload)
        watch.start()
        wait_until(lambda: watch.latest is not None and watch.latest.records == 3, seconds=5)
        assert isinstance(watch.latest, Lag)

    def test_does_not_know_while_kafka_is_away(self, watch, adapter, broker):
        adapter.publish(TOPIC, message_event(1, 1).payload)
        watch.start()
        wait_until(lambda: watch.latest is not None, seconds=5)
        broker.set_available(False)
        wait_until(lambda: watch.latest is None, seconds=5)
        broker.set_available(True)
        wait_until(lambda: watch.latest is not None, seconds=5)
