"""The bus on Apache Kafka. Nothing outside this package imports kafka-python."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from messaging.bus.adapter import PartitionLag, TopicDescription
from messaging.bus.base_adapter import BusAdapter
from messaging.bus.kafka.administration import Administration
from messaging.bus.kafka.connection import Connection
from messaging.bus.kafka.publisher import Publisher
from messaging.bus.kafka.reader import KafkaReader
from messaging.bus.kafka.source import KafkaSource
from messaging.bus.retry import call_with_retries
from messaging.contract.records import OutgoingRecord, RecordPosition

__all__ = ["KafkaAdapter"]

logger = logging.getLogger(__name__)


class KafkaAdapter(BusAdapter):
    """See `Adapter`. `security` takes kafka-python's options (see messaging.bus.configuration)."""

    def __init__(
        self,
        *,
        brokers: Sequence[str],
        client_id: str = "webchat",
        group_id: str = "webchat-group",
        security: Mapping[str, Any] | None = None,
        connect_try_seconds: float = 5.0,
        **options: Any,
    ) -> None:
        super().__init__(group_id=group_id, **options)
        self._connect_try_seconds = connect_try_seconds
        self._connection = Connection(brokers=brokers, client_id=client_id, security=security or {})
        self._publisher = Publisher(self._connection)
        self._administration = Administration(self._connection)

    def connect(self) -> None:
        self._refuse_when_closing()
        started = time.monotonic()
        call_with_retries(
            lambda left: self._publisher.connect(
                timeout_seconds=min(left, self._connect_try_seconds)
            ),
            policy=self._retry,
            sleep=self._sleep,
        )
        logger.info(
            "Connected to Kafka",
            extra={
                "brokers": list(self._connection.brokers),
                "seconds": round(time.monotonic() - started, 3),
            },
        )

    def ping(self, *, timeout_seconds: float = 2.0) -> None:
        self._refuse_when_closing()
        self._administration.ping(timeout_seconds=timeout_seconds)

    def open_source(self, *, group_id: str, topics: Sequence[str]) -> KafkaSource:
        self._refuse_when_closing()
        return KafkaSource(self._connection, group_id=group_id, topics=topics)

    def open_reader(self, topics: Sequence[str]) -> KafkaReader:
        self._refuse_when_closing()
        return KafkaReader(self._connection, topics)

    def ensure_topics(
        self, topics: Sequence[str], *, partitions: int, replication: int
    ) -> list[str]:
        self._refuse_when_closing()
        return self._administration.ensure_topics(
            topics, partitions=partitions, replication=replication
        )

    def describe_topics(self, topics: Sequence[str]) -> list[TopicDescription]:
        self._refuse_when_closing()
        return self._administration.describe_topics(topics)

    def find_lacking(self, topics: Sequence[str]) -> Mapping[str, str]:
        self._refuse_when_closing()
        return self._administration.find_lacking(topics)

    def lag(self, *, group_id: str, topics: Sequence[str]) -> list[PartitionLag]:
        self._refuse_when_closing()
        return self._administration.lag(group_id=group_id, topics=topics)

    def _send(
        self, records: Sequence[OutgoingRecord], timeout_seconds: float
    ) -> list[RecordPosition | Exception]:
        return self._publisher.send(records, timeout_seconds)

    def _disconnect(self, timeout_seconds: float) -> None:
        self._publisher.close(timeout_seconds=timeout_seconds)
