"""The one loop behind `Adapter.subscribe`: reads all subscribed topics and passes each message on.

For effects that must happen once per event there are registered handlers and run_kafka_consumer;
here a handler's exception is logged and the loop continues.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from messaging.bus.adapter import Handler, RecordSource
from messaging.bus.retry import RetryPolicy
from messaging.contract.records import Record, TopicPartition
from messaging.contract.schemas import known_versions
from messaging.contract.validation import check_message, read_json
from messaging.errors import InvalidEventError, PartitionsLostError, RetryableError
from messaging.outages import KAFKA

logger = logging.getLogger(__name__)

# Commit after this time or this many messages.
COMMIT_SECONDS = 5.0
COMMIT_RECORDS = 100
POLL_SECONDS = 0.5
LONGEST_RECONNECT_SECONDS = 5.0


class SubscriptionLoop:
    """Started by the first subscription; later ones are queued and added at its next turn."""

    def __init__(
        self, *, open_source: Callable[[Sequence[str]], RecordSource], retry: RetryPolicy
    ) -> None:
        self._open_source = open_source
        self._retry = retry
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._handlers: dict[str, list[Handler]] = {}
        self._crashes = 0

    def add(self, topic: str, handler: Handler) -> None:
        with self._lock:
            handlers = self._handlers.setdefault(topic, [])
            if handler not in handlers:
                handlers.append(handler)
            is_running = self._thread is not None
            if not is_running:
                self._thread = threading.Thread(target=self._run, name="subscriptions", daemon=True)
                self._thread.start()
        logger.info("Subscription queued" if is_running else "Subscribing", extra={"topic": topic})

    def close(self, *, timeout_seconds: float) -> None:
        """Gives the running handler this long to finish."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_seconds)
            if thread.is_alive():
                logger.warning("A subscription's handler did not finish in time")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read_until_changed(self._topics())
            except RetryableError as error:
                KAFKA.failed(str(error))
                self._crashes += 1
                self._stopping.wait(self._wait_seconds())
            except Exception:  # the loop outlives whatever the bus does: reconnect, subscribe again
                self._crashes += 1
                wait = self._wait_seconds()
                logger.exception(
                    "The subscription loop crashed; subscribing again in %.1f s",
                    wait,
                    extra={"crashes": self._crashes},
                )
                self._stopping.wait(wait)

    def _wait_seconds(self) -> float:
        return self._retry.wait_seconds(self._crashes, longest_seconds=LONGEST_RECONNECT_SECONDS)

    def _topics(self) -> list[str]:
        with self._lock:
            return sorted(self._handlers)

    def _read_until_changed(self, topics: list[str]) -> None:
        source = self._open_source(topics)
        KAFKA.worked()
        progress = _Progress(source)
        logger.info("Subscribed", extra={"topics": topics})
        try:
            while not self._stopping.is_set() and self._topics() == topics:
                records = source.poll(max_records=COMMIT_RECORDS, timeout_seconds=POLL_SECONDS)
                self._crashes = 0
                for record in records:
                    if self._stopping.is_set():
                        break
                    self._hand_on(record)
                    progress.note(record)
                progress.commit_when_due()
            source.pause(source.assignment())
            progress.commit()
        finally:
            source.close()

    def _hand_on(self, record: Record) -> None:
        names = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        if not record.value:
            logger.debug("Record without a value skipped", extra=names)
            return
        with self._lock:
            handlers = list(self._handlers.get(record.topic, ()))
        try:
            message = read_json(record.value)
            if known_versions(record.topic):
                check_message(record.topic, message)
        except InvalidEventError as error:
            logger.error("Invalid message skipped: %s", error, extra=names)
            return
        for handler in handlers:
            try:
                handler(message)
            except Exception:  # one bad message or handler must not stop the others
                logger.exception("A subscription's handler failed", extra=names)


class _Progress:
    """What was passed on since the last commit."""

    def __init__(self, source: RecordSource) -> None:
        self._source = source
        self._next_offsets: dict[TopicPartition, int] = {}
        self._records = 0
        self._committed_at = time.monotonic()

    def note(self, record: Record) -> None:
        self._next_offsets[record.topic_partition] = record.offset + 1
        self._records += 1

    def commit_when_due(self) -> None:
        is_old = time.monotonic() - self._committed_at >= COMMIT_SECONDS
        if self._records >= COMMIT_RECORDS or is_old:
            self.commit()

    def commit(self) -> None:
        if self._next_offsets:
            try:
                self._source.commit(self._next_offsets)
            except PartitionsLostError as error:
                logger.info("Not committed: %s", error, extra={"records": self._records})
        self._next_offsets = {}
        self._records = 0
        self._committed_at = time.monotonic()
