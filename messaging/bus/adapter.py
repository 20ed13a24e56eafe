"""The bus as the rest of the project sees it: publish records, read records, subscribe handlers.

Two classes fill this in: `KafkaAdapter` (the only user of kafka-python) and `InMemoryAdapter`.
Both pass the same tests in tests/contract/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from messaging.contract.records import (
    Headers,
    OutgoingRecord,
    Record,
    RecordPosition,
    TopicPartition,
)


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as the bus has it; `replication` is that of its first partition."""

    topic: str
    partitions: int
    replication: int


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a group is behind in one partition. `oldest_unread_ms` is a record's timestamp."""

    topic_partition: TopicPartition
    committed_offset: int
    end_offset: int
    oldest_unread_ms: int | None

    @property
    def records(self) -> int:
        return max(0, self.end_offset - self.committed_offset)

    def seconds(self, *, now_ms: int) -> float:
        """Age of the oldest unread record; 0 when everything is read."""
        if self.oldest_unread_ms is None:
            return 0.0
        return max(0.0, (now_ms - self.oldest_unread_ms) / 1000)


Handler = Callable[[Mapping[str, Any]], None]


class RecordSource(Protocol):
    """One member of a consumer group, used by one thread. From the beginning, committing by hand.

    Note [Rebalance]: when members come or go, every partition is given out again, during `poll`.
    Then `generation` has changed, nothing is paused, and reading goes on from the committed
    offsets: what was polled before and not committed comes again, here or at another member.
    """

    @property
    def generation(self) -> int:
        """Changes with every rebalance that `poll` has seen."""

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """At most `max_records`, in order within each partition; [] when nothing came in time.

        Keeps the membership alive, also when every partition is paused. Raises RetryableError when
        the membership is gone for good: close the source and open another.
        """

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Says that everything before these offsets is done.

        Raises PartitionsLostError after a rebalance, RetryableError when the bus does not answer.
        """

    def seek(self, topic_partition: TopicPartition, offset: int) -> None:
        """The next poll goes on from there. Nothing, when the partition is no longer ours."""

    def pause(self, topic_partitions: Iterable[TopicPartition]) -> None: ...

    def resume(self, topic_partitions: Iterable[TopicPartition]) -> None: ...

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this member has now."""

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        """Leaves the group, so that the others need not wait for a timeout. Never raises."""


class TopicReader(Protocol):
    """Reads topics once more without being in any group: nobody else's reading is disturbed.

    Used by one thread. Every method raises RetryableError when the bus does not answer.
    """

    def beginnings(self) -> dict[TopicPartition, int]:
        """Of every partition the first offset that is still there."""

    def ends(self) -> dict[TopicPartition, int]:
        """Of every partition the offset that the next record will get."""

    def offsets_at(self, moment_ms: int) -> dict[TopicPartition, int]:
        """Of every partition the first record with that timestamp or a later one; its end where
        there is none."""

    def read(
        self, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> Iterator[list[Record]]:
        """Everything from `starts` up to `ends`, in order within each partition."""

    def skip_rest(self, topic_partition: TopicPartition) -> None:
        """The `read` that is going on gives nothing more of this partition."""

    def close(self) -> None:
        """Never raises."""


class Adapter(Protocol):
    """The bus. `connect` first; after `close` everything refuses with ShuttingDownError."""

    def connect(self) -> None:
        """Raises RetryableError when the brokers cannot be reached within the deadline, and
        ConfigurationError when they refuse a password, a certificate or a right."""

    def publish(
        self,
        topic: str,
        message: Mapping[str, Any],
        *,
        key: str | None = None,
        headers: Headers = (),
        retries: int = 3,
    ) -> RecordPosition:
        """Sends one JSON object and waits for its acknowledgement; the last error is raised.

        Without `key`, the message's `id` or `messageId` is taken. Topics that have a schema get
        nothing that breaks it: InvalidEventError. A try that ran out of time may have been written
        all the same.
        """

    def publish_many(
        self, records: Sequence[OutgoingRecord], *, timeout_seconds: float = 30.0
    ) -> list[RecordPosition | Exception]:
        """One result per record, in the same order: where it is, or why it is not.

        PermanentError: never, as it is. Anything else (RetryableError): send it again, and with it
        all later ones of the same key, in order. Values are sent as they are, unchecked.
        """

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Hands every message of `topic`, from the beginning, to `handler` in the one loop.

        A message that breaks its schema and a handler's exception are logged; the loop goes on.
        """

    def open_source(self, *, group_id: str, topics: Sequence[str]) -> RecordSource:
        """A new member of the group. Raises RetryableError when the bus does not answer in time."""

    def open_reader(self, topics: Sequence[str]) -> TopicReader:
        """Of those of the topics that exist. Raises RetryableError."""

    def ensure_topics(
        self, topics: Sequence[str], *, partitions: int, replication: int
    ) -> list[str]:
        """Makes the missing ones; returns the names of those it made."""

    def describe_topics(self, topics: Sequence[str]) -> list[TopicDescription]:
        """Those of the topics that exist."""

    def lag(self, *, group_id: str, topics: Sequence[str]) -> list[PartitionLag]:
        """For every partition of the topics that exist."""

    def ping(self, *, timeout_seconds: float = 2.0) -> None:
        """Raises RetryableError when the bus does not answer in time."""

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        """Takes nothing more, waits that long for what is in flight, disconnects.

        Any number of times; never raises.
        """
