"""Reads topics again, as a member of no group; see `TopicReader`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import kafka.errors as kafka_errors
from kafka import KafkaConsumer
from kafka.structs import TopicPartition as KafkaPartition

from messaging.bus.kafka.connection import Connection, translate
from messaging.bus.kafka.mends import forget_parked, read_odd_header_names
from messaging.bus.kafka.source import as_kafka, as_record
from messaging.contract.records import Record, TopicPartition
from messaging.errors import MessagingError, RetryableError

Result = TypeVar("Result")

ASK_SECONDS = 10.0
ASK_MS = int(ASK_SECONDS * 1000)
POLL_MS = 500
READ_AT_ONCE = 1000
SILENT_SECONDS = 30.0  # kafka-python says nothing when the brokers have gone: it just reads nothing


class KafkaReader:
    def __init__(self, connection: Connection, topics: Sequence[str]) -> None:
        self._connection = connection
        self._consumer: KafkaConsumer = connection.make(
            KafkaConsumer,
            timeout_seconds=ASK_SECONDS,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            request_timeout_ms=ASK_MS,
            metrics_enabled=False,
        )
        read_odd_header_names()
        try:
            known = self._ask("topics", self._consumer.topics)
            self._parts = [
                KafkaPartition(topic, number)
                for topic in topics
                if topic in known
                for number in sorted(self._consumer.partitions_for_topic(topic) or ())
            ]
        except MessagingError:
            self.close()
            raise

    def beginnings(self) -> dict[TopicPartition, int]:
        return self._offsets("beginnings", self._consumer.beginning_offsets)

    def ends(self) -> dict[TopicPartition, int]:
        return self._offsets("ends", self._consumer.end_offsets)

    def offsets_at(self, moment_ms: int) -> dict[TopicPartition, int]:
        wanted = dict.fromkeys(self._parts, max(moment_ms, 0))
        found: Mapping[Any, Any] = self._ask(
            "offsets at a time", lambda: self._consumer.offsets_for_times(wanted, timeout_ms=ASK_MS)
        )
        return self.ends() | {_ours(part): at.offset for part, at in found.items() if at}

    def read(
        self, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> Iterator[list[Record]]:
        self._assign({part: at for part, at in starts.items() if at < ends[part]})
        heard_at = time.monotonic()
        while self._finish(ends):
            records = self._poll()
            if records:
                heard_at = time.monotonic()
                wanted = [r for r in records if r.offset < ends[r.topic_partition]]
                if wanted:
                    yield wanted
                heard_at = time.monotonic()  # whatever was done with them took its time
            elif time.monotonic() - heard_at > SILENT_SECONDS:
                raise RetryableError(f"Kafka has given nothing for {SILENT_SECONDS:g} s.")

    def skip_rest(self, topic_partition: TopicPartition) -> None:
        left = set(self._consumer.assignment() or ()) - {as_kafka(topic_partition)}
        self._consumer.assign(list(left))

    def close(self) -> None:
        # Nothing is committed and no group is left: errors here have no consequence.
        try:
            self._connection.run(
                f"close reader {id(self)}",
                lambda: self._consumer.close(autocommit=False, timeout_ms=1000),
                timeout_seconds=2,
            )
        except MessagingError:
            return

    def _assign(self, starts: Mapping[TopicPartition, int]) -> None:
        self._consumer.assign([as_kafka(part) for part in starts])
        for part, offset in starts.items():
            self._consumer.seek(as_kafka(part), offset)
            forget_parked(self._consumer, as_kafka(part))

    def _finish(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Releases partitions that have been read to their end; returns whether others remain."""
        assigned = set(self._consumer.assignment() or ())
        left = {part for part in assigned if self._position(part) < ends[_ours(part)]}
        if left != assigned:
            self._consumer.assign(list(left))
        return bool(left)

    def _position(self, part: KafkaPartition) -> int:
        """0 when it is not known yet: then there is still something to read."""
        position = self._ask_quietly(lambda: self._consumer.position(part, timeout_ms=POLL_MS))
        return int(position or 0)

    def _poll(self) -> list[Record]:
        polled = self._ask_quietly(
            lambda: self._consumer.poll(timeout_ms=POLL_MS, max_records=READ_AT_ONCE)
        )
        return [as_record(given) for batch in polled.values() for given in batch]

    def _offsets(self, name: str, question: Callable[..., Any]) -> dict[TopicPartition, int]:
        found = self._ask(name, lambda: question(self._parts, timeout_ms=ASK_MS))
        return {_ours(part): offset for part, offset in found.items()}

    def _ask(self, name: str, question: Callable[[], Result]) -> Result:
        return self._connection.run(f"{name} {id(self)}", question, timeout_seconds=ASK_SECONDS + 5)

    def _ask_quietly(self, question: Callable[[], Any]) -> Any:
        """On this thread: `poll` and `position` respect their own timeouts."""
        try:
            return question()
        except (kafka_errors.KafkaError, OSError, RuntimeError) as error:
            raise translate(error) from None


def _ours(part: KafkaPartition) -> TopicPartition:
    return TopicPartition(part.topic, part.partition)
