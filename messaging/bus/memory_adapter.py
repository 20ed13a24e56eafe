"""The bus inside one process: what Kafka does for this project, without Kafka.

For tests and embedded use. Adapters that share one `InMemoryBroker` behave like processes that
share one cluster. Everything is lost with the process: whatever must survive is in the outbox.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from messaging.bus.adapter import PartitionLag, TopicDescription
from messaging.bus.base_adapter import BusAdapter
from messaging.bus.memory_broker import AWAY, InMemoryBroker, InMemoryReader, InMemorySource
from messaging.contract.records import (
    MAX_RECORD_BYTES,
    OutgoingRecord,
    RecordPosition,
    TopicPartition,
)
from messaging.errors import PermanentError, RetryableError

__all__ = ["InMemoryAdapter", "InMemoryBroker", "InMemorySource"]

logger = logging.getLogger(__name__)

TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class InMemoryAdapter(BusAdapter):
    def __init__(
        self,
        *,
        broker: InMemoryBroker | None = None,
        group_id: str = "webchat-group",
        **options: Any,
    ) -> None:
        super().__init__(group_id=group_id, **options)
        self.broker = broker or InMemoryBroker()

    def get_published_messages(self, topic: str) -> list[Any]:
        """The values on a topic, read as JSON, in the order in which they were written."""
        with self.broker.changed:
            records = list(self.broker.written.get(topic, ()))
        return [orjson.loads(record.value) for record in records if record.value is not None]

    def connect(self) -> None:
        self.ping()
        logger.info("Connected to the in-memory bus", extra={"group": self.group_id})

    def ping(self, *, timeout_seconds: float = 2.0) -> None:
        self._refuse_when_closing()
        self._refuse_when_away()

    def open_source(self, *, group_id: str, topics: Sequence[str]) -> InMemorySource:
        self._refuse_when_closing()
        self._refuse_when_away()
        return InMemorySource(self.broker, group_id, topics)

    def open_reader(self, topics: Sequence[str]) -> InMemoryReader:
        self._refuse_when_closing()
        self._refuse_when_away()
        return InMemoryReader(self.broker, topics)

    def ensure_topics(
        self,
        topics: Sequence[str],
        *,
        partitions: int,
        replication: int,
    ) -> list[str]:
        self._refuse_when_away()
        return [topic for topic in topics if self.broker.make_topic(topic, partitions)]

    def describe_topics(self, topics: Sequence[str]) -> list[TopicDescription]:
        self._refuse_when_away()
        with self.broker.changed:
            return [
                TopicDescription(topic, len(self.broker.topics[topic]), 1)
                for topic in topics
                if topic in self.broker.topics
            ]

    def find_lacking(self, topics: Sequence[str]) -> Mapping[str, str]:
        self._refuse_when_away()
        return self.broker.find_lacking(topics)

    def lag(self, *, group_id: str, topics: Sequence[str]) -> list[PartitionLag]:
        self._refuse_when_away()
        with self.broker.changed:
            committed = self.broker.group(group_id).committed
            return [
                self._lag_of(topic_partition, committed.get(topic_partition))
                for topic_partition in self.broker.topic_partitions(topics)
            ]

    def _lag_of(self, topic_partition: TopicPartition, committed: int | None) -> PartitionLag:
        records = self.broker.topics[topic_partition.topic][topic_partition.partition]
        beginning = self.broker.beginning(topic_partition)
        at = beginning if committed is None else committed
        start = max(at, beginning)
        oldest = records[start].timestamp_ms if start < len(records) else None
        return PartitionLag(topic_partition, at, len(records), oldest, beginning)

    def _send(
        self,
        records: Sequence[OutgoingRecord],
        timeout_seconds: float,
    ) -> list[RecordPosition | Exception]:
        with self.broker.changed:
            return [self._send_one(record) for record in records]

    def _send_one(self, record: OutgoingRecord) -> RecordPosition | Exception:
        if not self.broker.is_available:
            return RetryableError(AWAY)
        if not TOPIC_NAME.fullmatch(record.topic) or (record.key is None and record.value is None):
            return PermanentError(
                "The topic name is invalid, or there is neither a key nor a value."
            )
        size = sum(len(name) + len(content) for name, content in record.headers)
        size += len(record.value or b"") + len(record.key or "")
        if size > MAX_RECORD_BYTES:
            return PermanentError(f"The record has {size} bytes; the limit is {MAX_RECORD_BYTES}.")
        return self.broker.append(record)

    def _disconnect(self, timeout_seconds: float) -> None:
        """Nothing is held: sources are closed by those who opened them."""

    def _refuse_when_away(self) -> None:
        if not self.broker.is_available:
            raise RetryableError(AWAY)
