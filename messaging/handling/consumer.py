"""What `run_kafka_consumer` runs: read, check, handle, and only then commit the offsets.

The step between the topic and the handlers' effects. Everything it does can safely be repeated.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.db import connection

from messaging.away import DatabaseAwayError, DatabaseUnavailableError
from messaging.bus.retry import RetryPolicy
from messaging.contract.events import Event
from messaging.contract.records import Record, RecordPosition, TopicPartition
from messaging.contract.validation import decode
from messaging.describing import describe
from messaging.errors import InvalidEventError, RetryableError
from messaging.handling.dead_letters import DeadLetterBox, EventLetters
from messaging.handling.dispatch import RETRIES, Dispatcher
from messaging.handling.group_reader import GroupReader
from messaging.handling.losses import note_lost
from messaging.handling.registry import Registry

logger = logging.getLogger(__name__)

BATCH_SIZE = 500
LONGEST_AWAY_SECONDS = 3.0


@dataclass(slots=True)
class Counts:
    """Since the start. `records` are those that need no more work here; `lost` are offsets that
    the bus had removed."""

    records: int = 0
    invalid: int = 0
    batches: int = 0
    lost: int = 0


@dataclass(slots=True)
class Cut:
    """The first unfinished record of a partition, and how long it waits."""

    record: Record
    seconds: float


class GroupConsumer:
    """One member of a group, used by one thread. `run` until `stop`, or until there is no more."""

    def __init__(
        self,
        reader: GroupReader,
        registry: Registry,
        group: str,
        box: DeadLetterBox,
        *,
        batch_size: int = BATCH_SIZE,
        max_records: int | None = None,
        is_drained: Callable[[], bool] | None = None,
        on_turn: Callable[[Counts], object] | None = None,
        retries: RetryPolicy = RETRIES,
    ) -> None:
        self._reader = reader
        self._group = group
        self._box = box
        letters = EventLetters(box, self._find_record)
        self._dispatcher = Dispatcher(registry, group, letters=letters, retries=retries)
        self._retries = retries
        self._batch_size = batch_size
        self._max_records = max_records
        self._is_drained = is_drained
        self._on_turn = on_turn
        self._stopping = threading.Event()
        self._records: dict[RecordPosition, Record] = {}
        self._rebalances = 0
        self._times_away = 0
        self.counts = Counts()

    def stop(self) -> None:
        """For a signal handler: the current batch is finished and committed."""
        self._stopping.set()

    def run(self) -> None:
        """Raises TooManyDeadLettersError; it waits for anything else that can be waited for."""
        try:
            while not self._stopping.is_set() and not self._has_enough():
                records = self._reader.read(self._room())
                self._forget_after_rebalance()
                if records or self._reader.lost:
                    self._reader.commit(self._work_off(records))
                    self.counts.batches += bool(records)
                elif self._is_drained and not self._reader.is_waiting and self._is_drained():
                    break
                if self._on_turn:
                    self._on_turn(self.counts)
        finally:
            self._reader.close()
            connection.close()

    def _work_off(self, records: Sequence[Record]) -> dict[TopicPartition, int]:
        """Handles what can be handled; the offsets behind it."""
        lanes = by_partition(records)
        self._records = {position_of(record): record for record in records}
        try:
            behind_lost = self._note_lost()
            events, cuts = self._check(lanes)
            progress = self._dispatcher.process(events)
        except DatabaseUnavailableError as error:
            return self._wait_for_database(lanes, error)
        if not cuts:
            self._times_away = 0
        for partition, step in progress.items():
            if step.retry_in_seconds is not None:
                position = events[partition][step.done].position
                assert position is not None
                cuts[partition] = Cut(self._records[position], step.retry_in_seconds)
        return behind_lost | self._settle(lanes, cuts)

    def _note_lost(self) -> dict[TopicPartition, int]:
        """The offsets behind what was lost. Raises DatabaseUnavailableError."""
        lost = self._reader.lost
        if lost:
            note_lost(self._group, lost)
            self.counts.lost += sum(each.end - each.first for each in lost)
        self._reader.lost = []
        return {each.topic_partition: each.end for each in lost}

    def _check(
        self, lanes: dict[TopicPartition, list[Record]]
    ) -> tuple[dict[TopicPartition, list[Event]], dict[TopicPartition, Cut]]:
        """Each partition's valid events; the bad records go to the dead letters at once.

        If they cannot be set aside, the partition is cut before the bad record.
        """
        events: dict[TopicPartition, list[Event]] = {}
        cuts: dict[TopicPartition, Cut] = {}
        for partition, records in lanes.items():
            valid = events[partition] = []
            for record in records:
                try:
                    valid.append(decode(record))
                except InvalidEventError as error:
                    seconds = self._reject(record, error)
                    if seconds is not None:
                        cuts[partition] = Cut(record, seconds)
                        break
        return events, cuts

    def _reject(self, record: Record, error: InvalidEventError) -> float | None:
        """None when it is done, otherwise how long to wait."""
        try:
            self._box.add(record, "", error)
        except RetryableError as obstacle:
            log = logger.debug if isinstance(obstacle, DatabaseAwayError) else logger.warning
            log("A bad record waits: %s", describe(obstacle))
            return self._away_seconds()
        self.counts.invalid += 1
        return None

    def _settle(
        self, lanes: dict[TopicPartition, list[Record]], cuts: dict[TopicPartition, Cut]
    ) -> dict[TopicPartition, int]:
        next_offsets = {}
        for partition, records in lanes.items():
            cut = cuts.get(partition)
            end = cut.record.offset if cut else records[-1].offset + 1
            self.counts.records += sum(record.offset < end for record in records)
            if cut:
                self._reader.wait_at(partition, end, cut.seconds)
            if end > records[0].offset:
                next_offsets[partition] = end
        return next_offsets

    def _wait_for_database(
        self, lanes: dict[TopicPartition, list[Record]], error: Exception
    ) -> dict[TopicPartition, int]:
        """Nothing is committed; whatever was handled before the outage is recognised later."""
        seconds = self._away_seconds()
        # That it is away has been said, once.
        log = logger.debug if isinstance(error, DatabaseAwayError) else logger.warning
        log("Paused for %.1f s: %s", seconds, describe(error))
        for partition, records in lanes.items():
            self._reader.wait_at(partition, records[0].offset, seconds)
        return {}

    def _away_seconds(self) -> float:
        self._times_away += 1
        return self._retries.wait_seconds(self._times_away, longest_seconds=LONGEST_AWAY_SECONDS)

    def _forget_after_rebalance(self) -> None:
        if self._reader.rebalances != self._rebalances:
            self._rebalances = self._reader.rebalances
            self._dispatcher.forget()

    def _find_record(self, event: Event) -> Record:
        assert event.position is not None
        return self._records[event.position]

    def _room(self) -> int:
        if self._max_records is None:
            return self._batch_size
        return min(self._batch_size, self._max_records - self.counts.records)

    def _has_enough(self) -> bool:
        return self._max_records is not None and self.counts.records >= self._max_records


def by_partition(records: Iterable[Record]) -> dict[TopicPartition, list[Record]]:
    lanes: dict[TopicPartition, list[Record]] = defaultdict(list)
    for record in records:
        lanes[record.topic_partition].append(record)
    return dict(lanes)


def position_of(record: Record) -> RecordPosition:
    return RecordPosition(record.topic, record.partition, record.offset)
