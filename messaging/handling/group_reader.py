"""A member of a consumer group that survives bus failures, and the pauses of its partitions.

Between the bus's source and the consumer: reopens the source when the membership is lost, tracks
which partition waits until when, and commits what can be committed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from messaging.bus.adapter import LostRange, RecordSource
from messaging.contract.records import Record, TopicPartition
from messaging.errors import PartitionsLostError, RetryableError, TopicLackingError
from messaging.outages import KAFKA

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0  # at most: so long a stop may wait
REOPEN_SECONDS = 1.0


class GroupReader:
    def __init__(
        self,
        open_source: Callable[[], RecordSource],
        *,
        poll_seconds: float = POLL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._open_source = open_source
        self._poll_at_most = poll_seconds
        self._clock = clock
        self._sleep = sleep
        self._source: RecordSource | None = None
        self._generation = 0
        self._waiting: dict[TopicPartition, float] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._refused: Mapping[str, str] = {}
        self.rebalances = 0
        self.lost: list[LostRange] = []  # what was found removed, for the caller to take away

    @property
    def is_waiting(self) -> bool:
        """Whether a partition is paused, or an offset not yet committed."""
        return bool(self._waiting or self._uncommitted)

    @property
    def lacking(self) -> Mapping[str, str]:
        """Topics that the bus does not give, each with why."""
        return self._refused if self._source is None else self._source.lacking

    def open(self) -> None:
        """Raises RetryableError when the bus cannot be reached."""
        try:
            self._source = self._open_source()
        except TopicLackingError as error:
            self._refused = {error.topic: error.why}
            raise
        self._refused = {}

    def read(self, max_records: int) -> list[Record]:
        """Records of the partitions that are not waiting; [] after at most `poll_seconds`."""
        try:
            if self._source is None:
                self.open()
                KAFKA.worked()
            assert self._source is not None
            self._resume_due()
            records = self._source.poll(
                max_records=max_records, timeout_seconds=self._poll_seconds()
            )
        except RetryableError as error:
            self._reopen_later(error)
            return []
        if self._source.generation != self._generation:
            self._start_anew(self._source.generation)
        self.lost += self._source.take_lost()
        return records

    def assignment(self) -> frozenset[TopicPartition]:
        return self._source.assignment() if self._source else frozenset()

    def wait_at(self, partition: TopicPartition, offset: int, seconds: float) -> None:
        """Reads nothing from this partition for this long, then continues from `offset`."""
        assert self._source is not None
        self._source.pause([partition])
        self._source.seek(partition, offset)
        self._waiting[partition] = self._clock() + seconds

    def commit(self, next_offsets: dict[TopicPartition, int]) -> None:
        """An offset that cannot be committed now is committed with the next; after a rebalance it
        is dropped and its records come again."""
        self._uncommitted |= next_offsets
        if not self._uncommitted or self._source is None:
            return
        try:
            self._source.commit(self._uncommitted)
        except PartitionsLostError:
            logger.info("Partitions went to another member; their records come again")
        except RetryableError as error:
            KAFKA.failed(str(error))
            return
        self._uncommitted = {}
        KAFKA.worked()

    def close(self) -> None:
        if self._source is not None:
            self.commit({})
            self._source.close(timeout_seconds=5.0)
            self._source = None

    def _resume_due(self) -> None:
        assert self._source is not None
        due = [part for part, until in self._waiting.items() if until <= self._clock()]
        if due:
            self._source.resume(due)
            for partition in due:
                del self._waiting[partition]
        if self._uncommitted:
            self.commit({})

    def _poll_seconds(self) -> float:
        left = [until - self._clock() for until in self._waiting.values()]
        return max(0.0, min([self._poll_at_most, *left]))

    def _start_anew(self, generation: int) -> None:
        """See Note [Rebalance] in adapter.py: nothing is paused, committed offsets count."""
        self._generation = generation
        self._waiting.clear()
        self._uncommitted.clear()
        self.lost.clear()
        self.rebalances += 1
        parts = sorted(f"{part.topic}/{part.partition}" for part in self.assignment())
        logger.info("Partitions assigned", extra={"partitions": parts})

    def _reopen_later(self, error: RetryableError) -> None:
        KAFKA.failed(str(error))
        if self._source is not None:
            self._source.close(timeout_seconds=2.0)
            self._source = None
        self._waiting.clear()
        self._uncommitted.clear()
        self.lost.clear()
        self._sleep(REOPEN_SECONDS)
