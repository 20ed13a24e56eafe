"""The bus as the rest of the project sees it: publish records, read records, subscribe handlers.

Two classes implement it: `KafkaAdapter` (the only user of kafka-python) and `InMemoryAdapter`. Both
pass the same tests in tests/contract/.
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
    """A topic as it is on the bus; `replication` is that of its first partition."""

    topic: str
    partitions: int
    replication: int


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a group is behind in one partition. Where it has committed nothing, the beginning
    counts. `oldest_unread_ms` is a record's timestamp; None also when it may not be read."""

    topic_partition: TopicPartition
    committed_offset: int
    end_offset: int
    oldest_unread_ms: int | None
    beginning_offset: int = 0

    @property
    def records(self) -> int:
        """Those that can still be read."""
        return max(0, self.end_offset - max(self.committed_offset, self.beginning_offset))

    @property
    def lost(self) -> int:
        """Offsets that the bus removed before the group got there."""
        return max(0, self.beginning_offset - self.committed_offset)

    def seconds(self, *, now_ms: int) -> float:
        """Age of the oldest unread record; 0 when everything is read."""
        if self.oldest_unread_ms is None:
            return 0.0
        return max(0.0, (now_ms - self.oldest_unread_ms) / 1000)


@dataclass(frozen=True, slots=True)
class LostRange:
    """Offsets of a partition that the bus removed before a group got there: from `first` up to, not
    including, `end`. Not `is_certain`: the group has committed nothing, so it may be new, or have
    been away for so long that its offsets expired."""

    topic_partition: TopicPartition
    first: int
    end: int
    is_certain: bool = True


Handler = Callable[[Mapping[str, Any]], None]


class RecordSource(Protocol):
    """One member of a consumer group, used by one thread. It reads from the beginning and commits
    explicitly.

    Note [Rebalance]: when members come or go, every partition is reassigned, during `poll`. Then
    `generation` has changed, nothing is paused, and reading continues from the committed offsets:
    records polled before and not committed come again, here or at another member.
    """

    @property
    def generation(self) -> int:
        """Changes with every rebalance that `poll` has seen."""

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """At most `max_records`, in order within each partition; [] when nothing arrived in time.

        Keeps the membership alive, even when every partition is paused. Raises RetryableError when
        the membership is lost for good: close the source and open another.
        """

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Says that everything before these offsets is done.

        Raises PartitionsLostError after a rebalance, RetryableError when the bus does not answer.
        """

    def seek(self, topic_partition: TopicPartition, offset: int) -> None:
        """The next poll continues from there. Does nothing when the partition is no longer ours."""

    def pause(self, topic_partitions: Iterable[TopicPartition]) -> None: ...

    def resume(self, topic_partitions: Iterable[TopicPartition]) -> None: ...

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions this member has now."""

    @property
    def lacking(self) -> Mapping[str, str]:
        """Wanted topics that the bus does not give, each with why; they are read as soon as it
        does."""

    def take_lost(self) -> list[LostRange]:
        """What `poll` has found removed unread since the last call. Reading goes on behind it, and
        that place may be committed."""

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        """Leaves the group, so that the others need not wait for a timeout. Never raises."""


class TopicReader(Protocol):
    """Reads topics again without being in any group: nobody else's reading is disturbed.

    Used by one thread. Every method raises RetryableError when the bus does not answer.
    """

    def beginnings(self) -> dict[TopicPartition, int]:
        """The first offset still present in every partition."""

    def ends(self) -> dict[TopicPartition, int]:
        """The offset that the next record will get in every partition."""

    def offsets_at(self, moment_ms: int) -> dict[TopicPartition, int]:
        """The first record in every partition with that timestamp or a later one; the partition's
        end where there is none."""

    def read(
        self, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> Iterator[list[Record]]:
        """Everything from `starts` up to `ends`, in order within each partition."""

    def skip_rest(self, topic_partition: TopicPartition) -> None:
        """The current `read` gives nothing more from this partition."""

    def close(self) -> None:
        """Never raises."""


class Adapter(Protocol):
    """The bus. Call `connect` first; after `close` every method raises ShuttingDownError."""

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

        Without `key`, the message's `id` or `messageId` is used. A message that breaks its topic's
        schema is refused: InvalidEventError. An attempt that timed out may have been written all
        the same.
        """

    def publish_many(
        self, records: Sequence[OutgoingRecord], *, timeout_seconds: float = 30.0
    ) -> list[RecordPosition | Exception]:
        """One result per record, in the same order: its place, or the error.

        PermanentError: the record can never be sent as it is. Anything else (RetryableError): send
        it again, together with all later ones of the same key, in order. Values are sent as they
        are, unchecked.
        """

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Passes every message of `topic`, from the beginning, to `handler` in the one loop.

        Messages that break their schema and exceptions from handlers are logged; the loop
        continues.
        """

    def open_source(self, *, group_id: str, topics: Sequence[str]) -> RecordSource:
        """A new member of the group. Raises RetryableError when the bus does not answer in time,
        TopicLackingError when it gives none of the topics."""

    def open_reader(self, topics: Sequence[str]) -> TopicReader:
        """For those of the topics that exist. Raises RetryableError."""

    def ensure_topics(
        self, topics: Sequence[str], *, partitions: int, replication: int
    ) -> list[str]:
        """Creates the missing ones; returns the names of those it created."""

    def describe_topics(self, topics: Sequence[str]) -> list[TopicDescription]:
        """Those of the topics that exist."""

    def find_lacking(self, topics: Sequence[str]) -> Mapping[str, str]:
        """Those that cannot be read from here, each with why: missing, or not allowed."""

    def lag(self, *, group_id: str, topics: Sequence[str]) -> list[PartitionLag]:
        """For every partition of the topics that exist and can be seen from here."""

    def ping(self, *, timeout_seconds: float = 2.0) -> None:
        """Raises RetryableError when the bus does not answer in time."""

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        """Accepts nothing more, waits this long for records in flight, disconnects.

        May be called any number of times; never raises.
        """
