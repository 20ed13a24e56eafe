"""Where reading goes on in each partition, and what the brokers removed before it got there."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import kafka.errors as kafka_errors
from kafka import KafkaConsumer
from kafka.structs import TopicPartition as KafkaPartition

from messaging.bus.adapter import LostRange
from messaging.contract.records import TopicPartition

logger = logging.getLogger(__name__)

ASK_MS = 5_000


class Places:
    """Of one member of a group. kafka-python's own reset to the beginning says nothing."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self._next: dict[KafkaPartition, int] = {}
        self._lost: list[LostRange] = []

    def restart(self, parts: Iterable[KafkaPartition]) -> dict[TopicPartition, int]:
        """Each goes on from what is committed, or from the beginning. Returns the places behind
        what was lost. Raises kafka-python's errors."""
        self._next.clear()
        self._lost.clear()
        beginnings = self._beginnings(list(parts))
        for part, beginning in beginnings.items():
            with while_assigned():
                self._restart(part, beginning)
        return {lost.topic_partition: lost.end for lost in self._lost}

    def _restart(self, part: KafkaPartition, beginning: int) -> None:
        committed = self._consumer.committed(part, timeout_ms=ASK_MS)
        if committed is None:
            self._consumer.seek_to_beginning(part)
            self._lose(part, 0, beginning, is_certain=False)
            self._next[part] = beginning
        else:
            start = max(committed, beginning)
            self._consumer.seek(part, start)
            self._lose(part, committed, beginning)
            self._next[part] = start

    def seek(self, part: KafkaPartition, offset: int) -> None:
        self._next[part] = offset

    def note(self, polled: Mapping[KafkaPartition, Sequence[Any]]) -> None:
        """Records as they were polled. Where offsets are missing between them, asks whether they
        are gone: transactions, too, leave such holes. Raises kafka-python's errors."""
        holes = [hole for part, batch in polled.items() for hole in self._holes(part, batch)]
        if not holes:
            return
        beginnings = self._beginnings(sorted({part for part, _, _ in holes}))
        for part, first, end in holes:
            self._lose(part, first, min(beginnings[part], end))

    def take_lost(self) -> list[LostRange]:
        lost, self._lost = self._lost, []
        return lost

    def _holes(
        self, part: KafkaPartition, batch: Sequence[Any]
    ) -> list[tuple[KafkaPartition, int, int]]:
        holes, expected = [], self._next.get(part, batch[0].offset)
        self._next[part] = batch[-1].offset + 1
        if batch[0].offset == expected and batch[-1].offset == expected + len(batch) - 1:
            return []
        for record in batch:
            if record.offset > expected:
                holes.append((part, expected, record.offset))
            elif record.offset < expected:
                _tell_of_step_back(part, expected, record.offset)
            expected = record.offset + 1
        return holes

    def _lose(self, part: KafkaPartition, first: int, end: int, *, is_certain: bool = True) -> None:
        if first < end:
            ours = TopicPartition(part.topic, part.partition)
            self._lost.append(LostRange(ours, first, end, is_certain))

    def _beginnings(self, parts: list[KafkaPartition]) -> dict[KafkaPartition, int]:
        ask: Callable[..., dict[KafkaPartition, int]] = self._consumer.beginning_offsets
        return ask(parts, timeout_ms=ASK_MS) if parts else {}


def while_assigned() -> contextlib.suppress:
    """kafka-python raises these for a partition that has just gone to another member."""
    return contextlib.suppress(KeyError, ValueError, AssertionError, kafka_errors.IllegalStateError)


def _tell_of_step_back(part: KafkaPartition, expected: int, found: int) -> None:
    logger.warning(
        "A topic is shorter than what was read of it: it was made again, or its brokers lost"
        " records; reading from offset %d instead of %d",
        found,
        expected,
        extra={"topic": part.topic, "partition": part.partition},
    )
