from __future__ import annotations

from collections.abc import Iterator

import pytest

from messaging.bus.memory_adapter import InMemoryAdapter, InMemoryBroker
from messaging.handling.registry import Registry
from tests.support.bus_parts import Effects


@pytest.fixture
def broker() -> InMemoryBroker:
    return InMemoryBroker(partitions=3)


@pytest.fixture
def adapter(broker: InMemoryBroker) -> Iterator[InMemoryAdapter]:
    adapter = InMemoryAdapter(broker=broker)
    yield adapter
    adapter.close(timeout_seconds=1)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def effects(db: None) -> Iterator[type[Effects]]:
    Effects.make_table()
    yield Effects
    Effects.drop_table()
