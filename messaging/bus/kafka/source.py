"""One member of a Kafka consumer group; see `RecordSource`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import kafka.errors as kafka_errors
from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from messaging.bus.adapter import LostRange
from messaging.bus.kafka.connection import Connection, translate
from messaging.bus.kafka.mends import forget_parked, read_odd_header_names, take_late_join
from messaging.bus.kafka.places import Places, while_assigned
from messaging.bus.kafka.rights import TopicWatch
from messaging.contract.records import Record, TopicPartition
from messaging.errors import MessagingError, PartitionsLostError, RetryableError

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
ASK_SECONDS = 5.0

CONSUMER_OPTIONS: dict[str, Any] = {
    "auto_offset_reset": "earliest",
    "enable_auto_commit": False,
    "isolation_level": "read_committed",
    "session_timeout_ms": 10_000,
    # A member learns of a rebalance at its next heartbeat: the others wait that long.
    "heartbeat_interval_ms": 1_000,
    "max_poll_interval_ms": 300_000,
    "request_timeout_ms": 10_000,
    # How soon a new topic or partition is noticed.
    "metadata_max_age_ms": 30_000,
    # Its partitions would not be as many as KAFKA_TOPIC_PARTITIONS says.
    "allow_auto_create_topics": False,
    "metrics_enabled": False,
}
LOST = (
    kafka_errors.CommitFailedError,
    kafka_errors.IllegalGenerationError,
    kafka_errors.UnknownMemberIdError,
    kafka_errors.RebalanceInProgressError,
    kafka_errors.FencedInstanceIdError,
)


class KafkaSource:
    def __init__(self, connection: Connection, *, group_id: str, topics: Sequence[str]) -> None:
        self._connection = connection
        self._group_id = group_id
        self._generation = 0
        # What this generation has returned: only that may be committed.
        self._handed_out: dict[TopicPartition, int] = {}
        self._rebalance = _Rebalance()
        self._is_closed = False
        self._consumer: KafkaConsumer = connection.make(
            KafkaConsumer, timeout_seconds=CONNECT_SECONDS, group_id=group_id, **CONSUMER_OPTIONS
        )
        read_odd_header_names()
        self._topics = TopicWatch(connection, self._consumer, topics)
        self._places = Places(self._consumer)
        try:
            self._topics.ask()
            self._subscribe()
            # Joining before the topics are known gives an empty assignment, and a second rebalance.
            connection.run(
                f"topics for {id(self)}", self._consumer.topics, timeout_seconds=CONNECT_SECONDS
            )
        except MessagingError:
            self.close(timeout_seconds=1)
            raise
        logger.info("Joined a group", extra={"group": group_id, "topics": self._topics.given()})

    @property
    def generation(self) -> int:
        return self._generation

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        if self._is_closed:
            raise RetryableError("This source is closed.")
        try:
            take_late_join(self._consumer)
            self._follow_topics()
            self._follow_rebalance()
            polled = self._consumer.poll(
                timeout_ms=int(timeout_seconds * 1000), max_records=max_records
            )
            if self._rebalance.is_news:
                # These may still be of the old generation: they are read again from the committed
                # offsets. See Note [Rebalance] in adapter.py.
                self._follow_rebalance()
                return []
            self._places.note(polled)
        except kafka_errors.TopicAuthorizationFailedError as error:
            if not self._follow_topics(is_due=True):
                raise translate(error) from None
            return []
        except (kafka_errors.KafkaError, OSError, RuntimeError) as error:
            raise translate(error) from None
        records = [as_record(given) for batch in polled.values() for given in batch]
        for record in records:
            self._handed_out[record.topic_partition] = record.offset + 1
        if records:
            logger.debug("Polled", extra=self._names() | {"records": len(records)})
        return records

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        if self._is_closed or self._rebalance.is_news:
            raise PartitionsLostError("The partitions were reassigned.")
        for topic_partition, offset in next_offsets.items():
            if offset > self._handed_out.get(topic_partition, -1):
                raise PartitionsLostError("Not read since the partitions were reassigned.")
        offsets = {
            KafkaPartition(part.topic, part.partition): OffsetAndMetadata(offset, "", -1)
            for part, offset in next_offsets.items()
        }
        try:
            self._consumer.commit(offsets, timeout_ms=int(ASK_SECONDS * 1000))
        except LOST as error:
            raise PartitionsLostError(f"Not committed: {type(error).__name__}.") from None
        except kafka_errors.KafkaError as error:
            if isinstance(error, kafka_errors.TopicAuthorizationFailedError):
                self._topics.hurry()
            raise translate(error) from None
        logger.debug("Committed", extra=self._names() | {"partitions": len(offsets)})

    def seek(self, topic_partition: TopicPartition, offset: int) -> None:
        with while_assigned():
            self._consumer.seek(as_kafka(topic_partition), offset)
            self._places.seek(as_kafka(topic_partition), offset)

    def pause(self, topic_partitions: Iterable[TopicPartition]) -> None:
        for part in topic_partitions:
            with while_assigned():
                self._consumer.pause(as_kafka(part))

    def resume(self, topic_partitions: Iterable[TopicPartition]) -> None:
        for part in topic_partitions:
            with while_assigned():
                self._consumer.resume(as_kafka(part))
                forget_parked(self._consumer, as_kafka(part))

    def assignment(self) -> frozenset[TopicPartition]:
        if self._rebalance.is_going_on:
            return frozenset()
        given = self._consumer.assignment() or ()
        return frozenset(TopicPartition(part.topic, part.partition) for part in given)

    @property
    def lacking(self) -> Mapping[str, str]:
        return self._topics.lacking

    def take_lost(self) -> list[LostRange]:
        return self._places.take_lost()

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._connection.run(
                f"leave {id(self)}",
                lambda: self._consumer.close(
                    autocommit=False, timeout_ms=int(timeout_seconds * 1000)
                ),
                timeout_seconds=timeout_seconds + 1,
            )
        except MessagingError as error:
            logger.warning("Left a group without saying so: %s", error, extra=self._names())
        else:
            logger.info("Left a group", extra=self._names())

    def _subscribe(self) -> None:
        """To what is given: of a missing topic kafka-python asks ten times a second."""
        self._consumer.subscribe(topics=self._topics.given(), listener=self._rebalance)

    def _follow_topics(self, *, is_due: bool = False) -> bool:
        """Whether the subscription has changed. Raises TopicLackingError when nothing is left."""
        has_changed = self._topics.has_changed(is_due=is_due)
        if has_changed:
            self._subscribe()
        return has_changed

    def _follow_rebalance(self) -> None:
        if not self._rebalance.is_news:
            return
        self._rebalance.is_news = False
        self._generation += 1
        self._handed_out = {}
        if self._rebalance.is_going_on:
            # Asking for committed offsets would wait behind the join, on the same connection.
            logger.info("A rebalance has begun", extra=self._names())
            return
        assigned = self._consumer.assignment() or set()
        # kafka-python keeps pauses and positions of partitions that stay with us; see Note
        # [Rebalance] for why nobody may rely on them.
        for part in assigned:
            with while_assigned():
                self._consumer.resume(part)
                forget_parked(self._consumer, part)
        self._handed_out.update(self._places.restart(assigned))
        logger.info("Partitions were assigned", extra=self._names() | {"count": len(assigned)})

    def _names(self) -> dict[str, Any]:
        return {"group": self._group_id, "generation": self._generation}


class _Rebalance(ConsumerRebalanceListener):
    """Called on kafka-python's own thread: it may only record what happened."""

    def __init__(self) -> None:
        self.is_news = False
        self.is_going_on = True

    def on_partitions_revoked(self, revoked: Any) -> None:
        self.is_going_on = True
        self.is_news = True

    def on_partitions_assigned(self, assigned: Any) -> None:
        self.is_going_on = False
        self.is_news = True


def as_kafka(part: TopicPartition) -> KafkaPartition:
    return KafkaPartition(part.topic, part.partition)


def as_record(given: Any) -> Record:
    return Record(
        topic=given.topic,
        partition=given.partition,
        offset=given.offset,
        key=given.key,
        value=given.value,
        headers=tuple((name, content or b"") for name, content in given.headers),
        timestamp_ms=given.timestamp,
    )
