"""Bugs of kafka-python 3.0.12 that no option avoids, fixed from outside.

Check these again with every new version; tests/contract fails without each of them.
"""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.base import MemberState
from kafka.record.default_records import DefaultRecordBatch
from kafka.structs import TopicPartition


def take_late_join(consumer: KafkaConsumer) -> None:
    """Call before each poll: a join that outlasts a poll goes wrong.

    A join that is answered between two polls is discarded and started again, which disturbs the
    whole group; after a change of partitions it is even forgotten: no heartbeat and no partitions,
    for ever. Here its answer is processed as the coordinator's `join_group_async` does it.
    """
    coordinator = consumer._coordinator
    joining = coordinator._join_task
    if joining is None:
        return
    if not (joining.is_done and joining.succeeded()):
        coordinator.request_rejoin()  # so that the next poll waits for it
        return

    async def take_answer() -> None:
        coordinator._join_task = None
        with coordinator._lock:
            coordinator.rejoining = False
            coordinator.rejoin_needed = False
            coordinator.state = MemberState.STABLE
            coordinator._enable_heartbeat()
        joined = coordinator._generation
        await coordinator._on_join_complete_async(
            joined.generation_id, joined.member_id, joined.protocol, joining.value
        )

    consumer._net.run(take_answer)


def forget_parked(consumer: KafkaConsumer, part: TopicPartition) -> None:
    """Call when a partition is resumed. Records fetched before the pause are kept apart, and for
    ever once the partition served last is used up: they are never read. Without them the partition
    is fetched again from its position.
    """
    fetcher = consumer._fetcher
    fetcher._paused_completed_fetches.pop(part, None)
    parked = fetcher._paused_partition_records.pop(part, None)
    if parked is not None:
        parked.drain()


def read_odd_header_names() -> None:
    """A header name that is not UTF-8 (C clients can write one) made `poll` spin for ever, and no
    seek gets past it, because its whole batch is read again. Here such a name is read with U+FFFD
    in it.
    """
    if DefaultRecordBatch._read_msg is not _read_message:
        DefaultRecordBatch._read_msg = _read_message


_read_strictly = DefaultRecordBatch._read_msg


def _read_message(batch: Any) -> Any:
    try:
        return _read_strictly(batch)
    except UnicodeDecodeError:
        strict, batch._buffer = batch._buffer, _LenientBytes(batch._buffer)
        try:
            return _read_strictly(batch)
        finally:
            batch._buffer = strict


class _LenientBytes(bytes):
    """Bytes whose parts can always be decoded."""

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return _LenientBytes(part) if isinstance(key, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
