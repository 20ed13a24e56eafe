"""The way from the outbox to the handlers on any adapter, in this process: a relay's rounds and a
consumer, run to their end when a test says so, or in a thread while it does other things."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from messaging.bus.base_adapter import BusAdapter
from messaging.errors import RetryableError
from messaging.handling.consumer import GroupConsumer
from messaging.handling.dead_letters import DeadLetterBox
from messaging.handling.group_reader import GroupReader
from messaging.handling.registry import MAIN_GROUP, Registry
from messaging.outbox.relay import Relay
from messaging.outbox.relay_lock import FileLock, path_beside
from messaging.outbox.target import KafkaTarget
from tests.support.processes import DEADLINE


class Line:
    def __init__(self, adapter: BusAdapter, registry: Registry, group: str = MAIN_GROUP) -> None:
        self.adapter = adapter
        self.registry = registry
        self.group = group
        self.topics = registry.topics(group)

    def publish(self) -> None:
        """All that waits."""
        relay = self._relay()
        try:
            while relay.run_round():
                continue
        finally:
            relay.close()

    def consume(self, *, max_records: int | None = None) -> None:
        """All that is on the topics, or so many records."""
        self._consumer(max_records=max_records).run()

    def work_off(self) -> None:
        self.publish()
        self.consume()

    @contextmanager
    def running(self) -> Iterator[None]:
        """A relay and a consumer at work, each in a thread."""
        relay, consumer = self._relay(), self._consumer(is_endless=True)
        threads = [threading.Thread(target=relay.run), threading.Thread(target=consumer.run)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            relay.stop()
            consumer.stop()
            for thread in threads:
                thread.join(DEADLINE)
            assert not any(thread.is_alive() for thread in threads)

    def _relay(self) -> Relay:
        file = path_beside(str(connection.settings_dict["NAME"]), purpose="line")
        if connection.vendor == "postgresql":
            file = path_beside("", purpose="line")
        return Relay(KafkaTarget(self.adapter), FileLock(file), sweep_seconds=0.1)

    def _consumer(
        self, *, max_records: int | None = None, is_endless: bool = False
    ) -> GroupConsumer:
        reader = GroupReader(
            lambda: self.adapter.open_source(group_id=self.group, topics=self.topics),
            poll_seconds=0.1,
        )

        def is_drained() -> bool:
            try:
                lags = self.adapter.lag(group_id=self.group, topics=self.topics)
            except RetryableError:
                return False
            return bool(reader.assignment()) and not any(lag.records for lag in lags)

        return GroupConsumer(
            reader,
            self.registry,
            self.group,
            DeadLetterBox(self.group, self.adapter),
            batch_size=100,
            max_records=max_records,
            is_drained=None if is_endless else is_drained,
        )
