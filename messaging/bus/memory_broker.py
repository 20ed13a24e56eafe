"""Topics, records and consumer groups in memory, and a member of such a group.

What brokers are to `KafkaAdapter`, this is to `InMemoryAdapter`. Nothing here survives the process.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from messaging.bus.adapter import LostRange
from messaging.contract.records import OutgoingRecord, Record, RecordPosition, TopicPartition
from messaging.errors import PartitionsLostError, RetryableError

AWAY = "The in-memory bus is unavailable."
READ_AT_ONCE = 500


@dataclass(slots=True)
class _Group:
    members: list[InMemorySource] = field(default_factory=list)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    generation: int = 0


class InMemoryBroker:
    """Topics, records and groups; `changed` guards them all."""

    def __init__(self, *, partitions: int = 3) -> None:
        self.partitions = partitions
        self.changed = threading.Condition(threading.RLock())
        self.topics: dict[str, list[list[Record]]] = {}
        self.written: dict[str, list[Record]] = {}
        self.groups: dict[str, _Group] = {}
        self.beginnings: dict[TopicPartition, int] = {}
        self.is_available = True

    def set_available(self, is_available: bool) -> None:
        """False: as if the brokers were stopped; nothing already written is lost."""
        with self.changed:
            self.is_available = is_available
            self.changed.notify_all()

    def make_topic(self, topic: str, partitions: int) -> bool:
        with self.changed:
            if topic in self.topics:
                return False
            self.topics[topic] = [[] for _ in range(partitions)]
            for group in self.groups.values():
                if any(topic in member.topics for member in group.members):
                    group.generation += 1
            return True

    def remove_before(self, topic_partition: TopicPartition, offset: int) -> None:
        """As retention does: nobody can read these records any more."""
        with self.changed:
            self.beginnings[topic_partition] = offset

    def beginning(self, topic_partition: TopicPartition) -> int:
        return self.beginnings.get(topic_partition, 0)

    def find_lacking(self, topics: Iterable[str]) -> dict[str, str]:
        with self.changed:
            return {topic: "does not exist" for topic in topics if topic not in self.topics}

    def append(self, outgoing: OutgoingRecord) -> RecordPosition:
        """A missing topic is created, as by a broker with auto-creation."""
        with self.changed:
            self.make_topic(outgoing.topic, self.partitions)
            partitions = self.topics[outgoing.topic]
            key = None if outgoing.key is None else outgoing.key.encode()
            if key is None:
                number = min(range(len(partitions)), key=lambda n: len(partitions[n]))
            else:
                number = zlib.crc32(key) % len(partitions)
            record = Record(
                topic=outgoing.topic,
                partition=number,
                offset=len(partitions[number]),
                key=key,
                value=outgoing.value,
                headers=outgoing.headers,
                timestamp_ms=int(time.time() * 1000),
            )
            partitions[number].append(record)
            self.written.setdefault(record.topic, []).append(record)
            self.changed.notify_all()
            return RecordPosition(record.topic, number, record.offset)

    def topic_partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        with self.changed:
            return [
                TopicPartition(topic, number)
                for topic in topics
                for number in range(len(self.topics.get(topic, ())))
            ]

    def group(self, group_id: str) -> _Group:
        with self.changed:
            return self.groups.setdefault(group_id, _Group())

    def share_of(self, member: InMemorySource, group: _Group) -> frozenset[TopicPartition]:
        """Every n-th of the partitions that this member and others have subscribed to."""
        with self.changed:
            share = set()
            for topic in member.topics:
                members = [other for other in group.members if topic in other.topics]
                mine = members.index(member)
                share.update(self.topic_partitions([topic])[mine :: len(members)])
            return frozenset(share)


class InMemorySource:
    """A member of a group on an `InMemoryBroker`; see `RecordSource`."""

    def __init__(self, broker: InMemoryBroker, group_id: str, topics: Sequence[str]) -> None:
        self.topics = tuple(topics)
        self._broker = broker
        self._group = broker.group(group_id)
        self._generation = -1
        self._assignment: frozenset[TopicPartition] = frozenset()
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._lost: list[LostRange] = []
        self._is_closed = False
        self._turn = 0
        with broker.changed:
            self._group.members.append(self)
            self._group.generation += 1
            broker.changed.notify_all()

    @property
    def generation(self) -> int:
        return self._generation

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        deadline = time.monotonic() + timeout_seconds
        with self._broker.changed:
            while True:
                if self._is_closed:
                    raise RetryableError("This source is closed.")
                self._join()
                records = self._take(max_records) if self._broker.is_available else []
                left = deadline - time.monotonic()
                if records or left <= 0:
                    return records
                self._broker.changed.wait(left)

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        with self._broker.changed:
            if not self._broker.is_available:
                raise RetryableError(AWAY)
            if self._is_closed or self._generation != self._group.generation:
                raise PartitionsLostError("The partitions were reassigned.")
            if not self._assignment.issuperset(next_offsets):
                raise PartitionsLostError("Some of these partitions belong to another member.")
            self._group.committed.update(next_offsets)

    def seek(self, topic_partition: TopicPartition, offset: int) -> None:
        with self._broker.changed:
            if topic_partition in self._assignment:
                self._positions[topic_partition] = offset

    def pause(self, topic_partitions: Iterable[TopicPartition]) -> None:
        with self._broker.changed:
            self._paused |= self._assignment.intersection(topic_partitions)

    def resume(self, topic_partitions: Iterable[TopicPartition]) -> None:
        with self._broker.changed:
            self._paused.difference_update(topic_partitions)
            self._broker.changed.notify_all()

    def assignment(self) -> frozenset[TopicPartition]:
        return self._assignment

    @property
    def lacking(self) -> Mapping[str, str]:
        return self._broker.find_lacking(self.topics)

    def take_lost(self) -> list[LostRange]:
        lost, self._lost = self._lost, []
        return lost

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        with self._broker.changed:
            if not self._is_closed:
                self._is_closed = True
                self._group.members.remove(self)
                self._group.generation += 1
                self._broker.changed.notify_all()

    def _join(self) -> None:
        """See Note [Rebalance] in adapter.py."""
        if self._generation == self._group.generation:
            return
        self._generation = self._group.generation
        self._assignment = self._broker.share_of(self, self._group)
        self._paused = set()
        self._positions = {part: self._group.committed.get(part, 0) for part in self._assignment}
        self._lost.clear()

    def _step_over_lost(self, part: TopicPartition) -> None:
        start, beginning = self._positions[part], self._broker.beginning(part)
        if start < beginning:
            is_certain = part in self._group.committed or start > 0
            self._lost.append(LostRange(part, start, beginning, is_certain))
            self._positions[part] = beginning

    def _take(self, max_records: int) -> list[Record]:
        """From each partition in turn, starting after the one that was first last time."""
        taken: list[Record] = []
        self._turn += 1
        parts = sorted(self._assignment - self._paused, key=lambda p: (p.topic, p.partition))
        first = self._turn % len(parts) if parts else 0
        for part in parts[first:] + parts[:first]:
            self._step_over_lost(part)
            start = self._positions[part]
            records = self._broker.topics[part.topic][part.partition]
            found = records[start : start + max_records - len(taken)]
            self._positions[part] = start + len(found)
            taken += found
        return taken


class InMemoryReader:
    """Reads topics without being in a group; see `TopicReader`."""

    def __init__(self, broker: InMemoryBroker, topics: Sequence[str]) -> None:
        self._broker = broker
        self._parts = broker.topic_partitions(topics)
        self._skipped: set[TopicPartition] = set()

    def beginnings(self) -> dict[TopicPartition, int]:
        return {part: self._broker.beginning(part) for part in self._parts}

    def ends(self) -> dict[TopicPartition, int]:
        return {part: len(self._records(part)) for part in self._parts}

    def offsets_at(self, moment_ms: int) -> dict[TopicPartition, int]:
        return {
            part: sum(record.timestamp_ms < moment_ms for record in self._records(part))
            for part in self._parts
        }

    def read(
        self, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> Iterator[list[Record]]:
        self._skipped.clear()
        for part, start in starts.items():
            for first in range(start, ends[part], READ_AT_ONCE):
                if part not in self._skipped:
                    yield self._records(part)[first : min(first + READ_AT_ONCE, ends[part])]

    def skip_rest(self, topic_partition: TopicPartition) -> None:
        self._skipped.add(topic_partition)

    def close(self) -> None:
        """Holds nothing."""

    def _records(self, part: TopicPartition) -> list[Record]:
        with self._broker.changed:
            if not self._broker.is_available:
                raise RetryableError(AWAY)
            return list(self._broker.topics[part.topic][part.partition])
