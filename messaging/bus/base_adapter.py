"""What both adapters share: publishing with retries, the breaker, subscriptions, closing.

What differs (sending, reading, topics) is in the subclasses, in the methods with an underscore.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from messaging.bus.adapter import Handler, PartitionLag, RecordSource, TopicDescription, TopicReader
from messaging.bus.circuit_breaker import CircuitBreaker
from messaging.bus.retry import RetryPolicy, publish_wait_seconds
from messaging.bus.subscriptions import SubscriptionLoop
from messaging.contract.events import EVENT_ID
from messaging.contract.records import Headers, OutgoingRecord, RecordPosition
from messaging.contract.schemas import known_versions
from messaging.contract.validation import check_message, write_json
from messaging.errors import (
    CircuitOpenError,
    PermanentError,
    RetryableError,
    ShuttingDownError,
    TopicLackingError,
)
from messaging.outages import KAFKA

logger = logging.getLogger(__name__)

# One attempt of `publish`: with the default three and the waits between them it ends within 30 s.
PUBLISH_TRY_SECONDS = 8.0


class BusAdapter(ABC):
    """The common half of an adapter. Safe between threads."""

    def __init__(
        self,
        *,
        group_id: str,
        retry: RetryPolicy | None = None,
        breaker: CircuitBreaker | None = None,
        sleep: Callable[[float], object] | None = None,
        publish_try_seconds: float = PUBLISH_TRY_SECONDS,
    ) -> None:
        self.group_id = group_id
        self.breaker = breaker or CircuitBreaker()
        self._retry = retry or RetryPolicy()
        self._publish_try_seconds = publish_try_seconds
        self._closing = threading.Event()
        self._sleep = sleep or self._closing.wait
        self._in_flight = 0
        self._settled = threading.Condition()
        self._subscriptions = SubscriptionLoop(open_source=self._open_own_source, retry=self._retry)

    def publish(
        self,
        topic: str,
        message: Mapping[str, Any],
        *,
        key: str | None = None,
        headers: Headers = (),
        retries: int = 3,
    ) -> RecordPosition:
        record = _write_record(topic, message, key, headers)
        for attempt in range(1, retries + 1):
            (result,) = self._publish_now([record], self._publish_try_seconds)
            if isinstance(result, RecordPosition):
                logger.debug("Published", extra=_names(record, result))
                return result
            logger.warning(
                "Not published, attempt %d of %d: %s",
                attempt,
                retries,
                result,
                extra=_names(record) | {"attempt": attempt, "error_class": type(result).__name__},
            )
            if attempt == retries or isinstance(result, PermanentError):
                raise result
            self._sleep(publish_wait_seconds(attempt))
        raise ValueError("retries must be at least 1")

    def publish_many(
        self, records: Sequence[OutgoingRecord], *, timeout_seconds: float = 30.0
    ) -> list[RecordPosition | Exception]:
        results = self._publish_now(records, timeout_seconds)
        _log_batch(records, results)
        return results

    def subscribe(self, topic: str, handler: Handler) -> None:
        self._refuse_when_closing()
        self._subscriptions.add(topic, handler)

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        deadline = time.monotonic() + timeout_seconds
        was_closing = self._closing.is_set()
        self._closing.set()
        self._subscriptions.close(timeout_seconds=timeout_seconds)
        with self._settled:
            left = deadline - time.monotonic()
            self._settled.wait_for(lambda: self._in_flight == 0, timeout=max(left, 0))
        self._disconnect(max(deadline - time.monotonic(), 0.1))
        if not was_closing:
            logger.info("Disconnected from the bus", extra={"group": self.group_id})

    @abstractmethod
    def connect(self) -> None: ...

    @abstractmethod
    def ping(self, *, timeout_seconds: float = 2.0) -> None: ...

    @abstractmethod
    def lag(self, *, group_id: str, topics: Sequence[str]) -> list[PartitionLag]: ...

    @abstractmethod
    def ensure_topics(
        self, topics: Sequence[str], *, partitions: int, replication: int
    ) -> list[str]: ...

    @abstractmethod
    def describe_topics(self, topics: Sequence[str]) -> list[TopicDescription]: ...

    @abstractmethod
    def find_lacking(self, topics: Sequence[str]) -> Mapping[str, str]: ...

    @abstractmethod
    def open_source(self, *, group_id: str, topics: Sequence[str]) -> RecordSource: ...

    @abstractmethod
    def open_reader(self, topics: Sequence[str]) -> TopicReader: ...

    @abstractmethod
    def _send(
        self, records: Sequence[OutgoingRecord], timeout_seconds: float
    ) -> list[RecordPosition | Exception]:
        """Like `publish_many`, without the breaker."""

    @abstractmethod
    def _disconnect(self, timeout_seconds: float) -> None:
        """Releases everything. Never raises; may be called any number of times."""

    def _open_own_source(self, topics: Sequence[str]) -> RecordSource:
        return self.open_source(group_id=self.group_id, topics=topics)

    def _refuse_when_closing(self) -> None:
        if self._closing.is_set():
            raise ShuttingDownError("The bus is shutting down and accepts nothing more.")

    def _publish_now(
        self, records: Sequence[OutgoingRecord], timeout_seconds: float
    ) -> list[RecordPosition | Exception]:
        """Once, through the breaker."""
        with self._working():
            if not records:
                return []
            try:
                self.breaker.allow()
            except CircuitOpenError as error:
                return [error] * len(records)
            results: list[RecordPosition | Exception] = []
            try:
                results = self._send(records, timeout_seconds)
            finally:
                self._note(results)
        return results

    def _note(self, results: Sequence[RecordPosition | Exception]) -> None:
        """Whether the bus has answered at all."""
        if any(map(_is_answer, results)):
            self.breaker.succeeded()
            KAFKA.worked()
            return
        self.breaker.failed()
        for result in results[:1]:
            KAFKA.failed(str(result))

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._settled:
            self._refuse_when_closing()
            self._in_flight += 1
        try:
            yield
        finally:
            with self._settled:
                self._in_flight -= 1
                self._settled.notify_all()


def _is_answer(result: RecordPosition | Exception) -> bool:
    """The breaker protects the way to the brokers: what they refuse of one topic is an answer."""
    return isinstance(result, TopicLackingError) or not isinstance(result, RetryableError)


def _write_record(
    topic: str, message: Mapping[str, Any], key: str | None, headers: Headers
) -> OutgoingRecord:
    if known_versions(topic):
        check_message(topic, message)
    own_key = message.get("id") or message.get("messageId") if key is None else key
    return OutgoingRecord(
        topic=topic,
        key=None if own_key is None else str(own_key),
        value=write_json(message),
        headers=headers,
    )


def _log_batch(
    records: Sequence[OutgoingRecord], results: Sequence[RecordPosition | Exception]
) -> None:
    """Logs each record at DEBUG; at WARNING only how many failed, and the first of them, where some
    were refused for good: that what may be accepted later waits is said once."""
    failed = [
        (record, result)
        for record, result in zip(records, results, strict=True)
        if not isinstance(result, RecordPosition)
    ]
    if failed:
        record, error = failed[0]
        may_be_later = all(isinstance(error, RetryableError) for _, error in failed)
        logger.log(
            logging.DEBUG if may_be_later else logging.WARNING,
            "%d of %d records not published; the first: %s",
            len(failed),
            len(records),
            error,
            extra=_names(record) | {"error_class": type(error).__name__},
        )
    if logger.isEnabledFor(logging.DEBUG):
        for record, result in zip(records, results, strict=True):
            if isinstance(result, RecordPosition):
                logger.debug("Published", extra=_names(record, result))


def _names(record: OutgoingRecord, position: RecordPosition | None = None) -> dict[str, Any]:
    names: dict[str, Any] = {"topic": record.topic, "key": record.key}
    event_id = dict(record.headers).get(EVENT_ID)
    if event_id:
        names["event_id"] = event_id.decode(errors="replace")
    if position:
        names |= {"partition": position.partition, "offset": position.offset}
    return names
