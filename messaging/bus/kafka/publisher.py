"""Sends records in order and returns, for each, its place or the error.

Note [Order over failures]: kafka-python has at most one batch per partition in flight, in order,
for as long as we wait. When our deadline passes, the whole producer is discarded, so that what it
still holds cannot be sent after later records. What is written to a partition is therefore always a
prefix of what was given, and sending again keeps the order of first arrival.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import kafka.errors as kafka_errors
from kafka import KafkaProducer
from kafka.partitioner.default import DefaultPartitioner, murmur2

from messaging.bus.kafka.connection import NOT_THERE, Connection, translate
from messaging.contract.records import MAX_RECORD_BYTES, OutgoingRecord, RecordPosition
from messaging.errors import PermanentError, RetryableError, TopicLackingError

logger = logging.getLogger(__name__)

Result = RecordPosition | Exception

CONNECT_SECONDS = 5.0
# How long one record may wait for its topic to become known, and for one that was missing before.
TOPIC_SECONDS = 5.0
MISSING_TOPIC_SECONDS = 0.5
MAX_IN_FLIGHT = 5_000
MAX_BYTES_IN_FLIGHT = 16 * 1024 * 1024

PRODUCER_OPTIONS: dict[str, Any] = {
    "acks": "all",
    # Set explicitly, because kafka-python switches the default off when another option does not
    # fit.
    "enable_idempotence": True,
    "batch_size": 256 * 1024,
    "linger_ms": 5,
    "request_timeout_ms": 10_000,
    "retry_backoff_ms": 100,
    # Longer than any deadline of ours: see Note [Order over failures].
    "delivery_timeout_ms": 3_600_000,
    "max_request_size": MAX_RECORD_BYTES + 10_000,
    "metrics_enabled": False,
}


class Publisher:
    """Safe between threads; connects when it has to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None
        self._missing: set[str] = set()
        self._closed = threading.Event()

    def connect(self, *, timeout_seconds: float = CONNECT_SECONDS) -> KafkaProducer:
        """Raises RetryableError, ConfigurationError."""
        with self._lock:
            if self._closed.is_set():
                raise RetryableError("The publisher is closed.")
            if self._producer is None:
                self._producer = self._connection.make(
                    KafkaProducer,
                    timeout_seconds=timeout_seconds,
                    partitioner=_RememberingPartitioner(),
                    **PRODUCER_OPTIONS,
                )
            producer = self._producer
        if self._closed.is_set():  # while it connected
            self.close(timeout_seconds=0.1)
        return producer

    def send(self, records: Sequence[OutgoingRecord], timeout_seconds: float) -> list[Result]:
        deadline = time.monotonic() + timeout_seconds
        try:
            producer = self.connect(timeout_seconds=min(timeout_seconds, CONNECT_SECONDS))
        except RetryableError as error:
            return [error] * len(records)
        batch = self._send_together(producer, records, deadline)
        if batch.refused and len(records) > 1:
            return self._send_refused_alone(records, batch, deadline)
        return batch.results

    def _send_together(
        self, producer: KafkaProducer, records: Sequence[OutgoingRecord], deadline: float
    ) -> _Batch:
        batch = _Batch(producer, deadline, missing=self._missing)
        for record in records:
            batch.add(record)
        batch.finish()
        if batch.must_drop_producer:
            self._drop(producer)
        return batch

    def _send_refused_alone(
        self, records: Sequence[OutgoingRecord], batch: _Batch, deadline: float
    ) -> list[Result]:
        """Note [Refused batches]: a broker refuses a batch because of one record, or because
        together they are too large for its topic; after that kafka-python's idempotent producer
        gives the same error for every record of every partition. So it is discarded. Each refused
        record is then sent alone, in order, and never after a failed one with its key: that shows
        which one is to blame.
        """
        results = batch.results
        failed_keys: set[tuple[str, str | None]] = set()
        for index, record in enumerate(records):
            ordered_with = record.topic, record.key
            if index in batch.refused:
                results[index] = RetryableError("Not sent: it was refused together with others.")
                if ordered_with not in failed_keys and time.monotonic() < deadline:
                    left = deadline - time.monotonic()
                    (results[index],) = self.send([record], left)
            if isinstance(results[index], RetryableError):
                failed_keys.add(ordered_with)
        return results

    def close(self, *, timeout_seconds: float) -> None:
        """A thread that is connecting in the meantime closes the result."""
        self._closed.set()
        if not self._lock.acquire(timeout=timeout_seconds):
            return
        try:
            producer, self._producer = self._producer, None
        finally:
            self._lock.release()
        if producer is None:
            return
        try:
            producer.close(timeout=timeout_seconds)
        except kafka_errors.KafkaError:
            logger.warning("Records were still unsent when the producer was closed")
            _abandon(producer)

    def _drop(self, producer: KafkaProducer) -> None:
        with self._lock:
            if self._producer is producer:
                self._producer = None
        logger.debug("The producer failed and is discarded; the next send creates a new one")
        threading.Thread(target=_abandon, args=(producer,), name="drop", daemon=True).start()


class _Batch:
    """One call of `send`: what was given, what is in flight, and the results."""

    def __init__(self, producer: KafkaProducer, deadline: float, *, missing: set[str]) -> None:
        """`missing`: the topics that did not exist when last asked for; kept up to date here."""
        self._producer = producer
        self._deadline = deadline
        self._missing = missing
        self.results: list[Result] = []
        self.refused: set[int] = set()
        self._in_flight: deque[tuple[int, Any, int]] = deque()
        self._bytes_in_flight = 0
        self._lost_topics: dict[str, Exception] = {}
        self.must_drop_producer = False

    def add(self, record: OutgoingRecord) -> None:
        key = None if record.key is None else record.key.encode()
        size = _size(record, key)
        if size > MAX_RECORD_BYTES:
            self.results.append(
                PermanentError(f"The record has {size} bytes; the limit is {MAX_RECORD_BYTES}.")
            )
        elif record.topic in self._lost_topics:
            self.results.append(self._lost_topics[record.topic])
        elif self.must_drop_producer:
            self.results.append(RetryableError("Not sent: an earlier record failed."))
        else:
            self._send(record, key, size)

    def finish(self) -> None:
        while self._in_flight:
            self._settle_oldest()

    def _send(self, record: OutgoingRecord, key: bytes | None, size: int) -> None:
        while self._in_flight and (
            len(self._in_flight) >= MAX_IN_FLIGHT
            or self._bytes_in_flight + size > MAX_BYTES_IN_FLIGHT
        ):
            self._settle_oldest()
        left = self._deadline - time.monotonic()
        if left <= 0:
            self.results.append(RetryableError("Not sent: no time was left."))
            return
        # How long `send` waits for a topic that it does not know.
        wait = MISSING_TOPIC_SECONDS if record.topic in self._missing else TOPIC_SECONDS
        self._producer.config["max_block_ms"] = min(left, wait) * 1000
        asked_at = time.monotonic()
        try:
            future = self._producer.send(
                record.topic, value=record.value, key=key, headers=list(record.headers)
            )
            if future.failed():  # so it says of a topic that we may not see
                raise future.exception
        except (kafka_errors.KafkaError, ValueError, TypeError, AssertionError) as error:
            self.results.append(self._lost(record.topic, error, asked_at))
            return
        self._missing.discard(record.topic)
        self._in_flight.append((len(self.results), future, size))
        self._bytes_in_flight += size
        self.results.append(RetryableError("Not acknowledged."))

    def _settle_oldest(self) -> None:
        index, future, size = self._in_flight.popleft()
        self._bytes_in_flight -= size
        try:
            written = future.get(timeout=max(self._deadline - time.monotonic(), 0))
        except kafka_errors.KafkaError as error:
            self.results[index] = translate(error)
            self.must_drop_producer = True
            if isinstance(self.results[index], PermanentError):
                self.refused.add(index)
        else:
            self.results[index] = RecordPosition(written.topic, written.partition, written.offset)

    def _lost(self, topic: str, error: Exception, asked_at: float) -> Exception:
        """What `send` itself refused: the topic cannot be reached, or the record is invalid."""
        if isinstance(error, kafka_errors.KafkaTimeoutError):
            failure: Exception = self._timed_out(topic, asked_at)
        elif isinstance(error, kafka_errors.KafkaError):
            failure = translate(error)
        else:
            failure = PermanentError(f"Kafka cannot accept this record: {type(error).__name__}.")
        if isinstance(failure, RetryableError):
            self._lost_topics[topic] = failure
        return failure

    def _timed_out(self, topic: str, asked_at: float) -> RetryableError:
        """Brokers that have told of their topics since then do not have this one."""
        if self._producer._metadata._last_successful_refresh_ms <= asked_at * 1000:
            return RetryableError(f"Kafka does not say where topic {topic} is.")
        self._missing.add(topic)
        return TopicLackingError(topic, NOT_THERE)


class _RememberingPartitioner(DefaultPartitioner):
    """The same partitions as every Kafka client chooses (murmur2), without computing a key twice.

    In Python the hash is a seventh of the whole cost of sending, and chats' keys recur.
    """

    def partition(
        self,
        topic: str,
        key: Any,
        key_bytes: bytes | None,
        value: Any,
        value_bytes: Any,
        cluster: Any,
    ) -> int:
        if key_bytes is None:
            return int(super().partition(topic, key, key_bytes, value, value_bytes, cluster))
        partitions = cluster.partitions_for_topic(topic)
        return int(sorted(partitions)[_hash(key_bytes) % len(partitions)])


@lru_cache(maxsize=100_000)
def _hash(key: bytes) -> int:
    return int(murmur2(key) & 0x7FFFFFFF)


def _size(record: OutgoingRecord, key: bytes | None) -> int:
    headers = sum(len(name) + len(content) for name, content in record.headers)
    return len(record.value or b"") + len(key or b"") + headers


def _abandon(producer: KafkaProducer) -> None:
    """Ends the producer without sending what it holds; `close` alone would wait and then continue
    sending."""
    producer._sender.force_close()
    with contextlib.suppress(kafka_errors.KafkaError):
        producer.close(timeout=5)
