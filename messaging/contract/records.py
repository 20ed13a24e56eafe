"""Records: what goes to a topic, and what comes from one."""

from __future__ import annotations

from dataclasses import dataclass

Headers = tuple[tuple[str, bytes], ...]

# A record's key, value and headers together; brokers take 1,048,588 with their own overhead.
MAX_RECORD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class TopicPartition:
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class OutgoingRecord:
    """What goes to a topic. `key` decides the partition: equal keys keep their order."""

    topic: str
    key: str | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """Where an acknowledged record is."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """What comes from a topic, exactly as it was written; nothing in it is checked yet."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int

    @property
    def topic_partition(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)
