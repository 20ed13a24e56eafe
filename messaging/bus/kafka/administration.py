"""Topics and lag, asked of the brokers with a client created for the question."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import kafka.errors as kafka_errors
from kafka import KafkaAdminClient, KafkaConsumer
from kafka.structs import TopicPartition as KafkaPartition

from messaging.bus.adapter import PartitionLag, TopicDescription
from messaging.bus.kafka.connection import Connection, translate
from messaging.bus.kafka.rights import ask_for_lacking
from messaging.contract.records import TopicPartition
from messaging.errors import PermanentError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

ASK_SECONDS = 10.0
ASK_MS = int(ASK_SECONDS * 1000)
# Enough for a record of any size: a partition returns its first batch whatever its size.
FIRST_BATCH_BYTES = 64 * 1024


class Administration:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ping(self, *, timeout_seconds: float) -> None:
        """The constructor has already asked a broker for metadata: that is the answer."""
        admin = self._connection.make(KafkaAdminClient, timeout_seconds=timeout_seconds)
        self._connection.run("ping", admin.close, timeout_seconds=timeout_seconds)

    def ensure_topics(
        self, topics: Sequence[str], *, partitions: int, replication: int
    ) -> list[str]:
        def ensure(admin: KafkaAdminClient) -> list[str]:
            missing = sorted(set(topics) - set(admin.list_topics()))
            if not missing:
                return []
            options = {"num_partitions": partitions, "replication_factor": replication}
            answer = admin.create_topics(
                dict.fromkeys(missing, options), timeout_ms=ASK_MS, raise_errors=False
            )
            made = [_made(topic, replication) for topic in answer["topics"]]
            admin.wait_for_topics(missing, timeout_ms=ASK_MS)
            return [name for name in made if name]

        made = self._ask("ensure topics", ensure)
        logger.info("Topics created", extra={"topics": made, "partitions": partitions})
        return made

    def describe_topics(self, topics: Sequence[str]) -> list[TopicDescription]:
        def describe(admin: KafkaAdminClient) -> list[TopicDescription]:
            described = []
            for topic in admin.describe_topics(list(topics)):
                error = kafka_errors.for_code(topic["error_code"])
                if error is kafka_errors.UnknownTopicOrPartitionError:
                    continue
                if error is not kafka_errors.NoError:
                    raise error(topic["name"])
                parts = topic["partitions"]
                replicas = len(parts[0]["replica_nodes"]) if parts else 0
                described.append(TopicDescription(topic["name"], len(parts), replicas))
            return described

        return self._ask("describe topics", describe)

    def find_lacking(self, topics: Sequence[str]) -> dict[str, str]:
        return self._ask("topics", lambda admin: ask_for_lacking(admin, topics))

    def lag(self, *, group_id: str, topics: Sequence[str]) -> list[PartitionLag]:
        consumer = self._connection.make(
            KafkaConsumer,
            timeout_seconds=ASK_SECONDS,
            # The group is named to read its offsets; without a subscription the client never joins
            # it.
            group_id=group_id,
            enable_auto_commit=False,
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            request_timeout_ms=ASK_MS,
            max_partition_fetch_bytes=FIRST_BATCH_BYTES,
            metrics_enabled=False,
        )
        try:
            return self._connection.run(
                "lag", lambda: _read_lag(consumer, topics), timeout_seconds=2 * ASK_SECONDS
            )
        finally:
            self._connection.run(
                "close lag", lambda: consumer.close(timeout_ms=1000), timeout_seconds=2
            )

    def _ask(self, name: str, question: Callable[[KafkaAdminClient], Result]) -> Result:
        admin = self._connection.make(
            KafkaAdminClient, timeout_seconds=ASK_SECONDS, request_timeout_ms=ASK_MS
        )
        try:
            return self._connection.run(
                name, lambda: question(admin), timeout_seconds=2 * ASK_SECONDS
            )
        finally:
            self._connection.run("close " + name, admin.close, timeout_seconds=2)


def _made(answer: dict[str, Any], replication: int) -> str:
    """The topic's name; "" when somebody else has created it in the meantime."""
    error = kafka_errors.for_code(answer["error_code"])
    if error is kafka_errors.TopicAlreadyExistsError:
        return ""
    if error is kafka_errors.InvalidReplicationFactorError:
        raise PermanentError(
            f"There are fewer brokers than the {replication} replicas in KAFKA_TOPIC_REPLICATION."
        )
    if error is not kafka_errors.NoError:
        raise translate(error())
    return str(answer["name"])


def _read_lag(consumer: KafkaConsumer, topics: Sequence[str]) -> list[PartitionLag]:
    known = consumer.topics()
    parts = [
        KafkaPartition(topic, number)
        for topic in topics
        if topic in known
        for number in sorted(consumer.partitions_for_topic(topic))
    ]
    if not parts:
        return []
    beginnings = consumer.beginning_offsets(parts, timeout_ms=ASK_MS)
    ends = consumer.end_offsets(parts, timeout_ms=ASK_MS)
    committed = {}
    for part in parts:
        offset = consumer.committed(part, timeout_ms=ASK_MS)
        committed[part] = beginnings[part] if offset is None else offset
    starts = {part: max(committed[part], beginnings[part]) for part in parts}
    hidden = ask_for_lacking(consumer, topics)
    unread = {part: at for part, at in starts.items() if at < ends[part]}
    oldest = _first_timestamps(
        consumer, {part: at for part, at in unread.items() if part.topic not in hidden}
    )
    return [
        PartitionLag(
            TopicPartition(part.topic, part.partition),
            committed[part],
            ends[part],
            oldest.get(part),
            beginnings[part],
        )
        for part in parts
    ]


def _first_timestamps(
    consumer: KafkaConsumer, offsets: dict[KafkaPartition, int]
) -> dict[KafkaPartition, int]:
    """The time of the first record at or after each offset."""
    found: dict[KafkaPartition, int] = {}
    if not offsets:
        return found
    consumer.assign(list(offsets))
    for part, offset in offsets.items():
        consumer.seek(part, offset)
    deadline = time.monotonic() + ASK_SECONDS
    while len(found) < len(offsets) and time.monotonic() < deadline:
        for part, records in consumer.poll(timeout_ms=500, max_records=100).items():
            found.setdefault(part, records[0].timestamp)
            consumer.pause(part)
    return found
