"""The loop behind `subscribe`, with a source that breaks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import pytest

from messaging.bus.adapter import LostRange, RecordSource
from messaging.bus.retry import RetryPolicy
from messaging.bus.subscriptions import SubscriptionLoop
from messaging.contract.records import Record, TopicPartition
from messaging.errors import PartitionsLostError, RetryableError
from tests.support.services import wait_until

QUICK = RetryPolicy(initial_seconds=0.001)


def a_record(number: int, *, topic: str = "topic") -> Record:
    return Record(topic, 0, number, b"k", b'{"id": %d}' % number, (), 0)


class ScriptedSource:
    """Gives what it is told in turn, then nothing."""

    generation = 1

    def __init__(self, *turns: list[Record] | Exception, commit_fails: bool = False) -> None:
        self._turns = list(turns)
        self._commit_fails = commit_fails
        self.committed: dict[TopicPartition, int] = {}
        self.is_closed = threading.Event()

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        if not self._turns:
            self.is_closed.wait(0.01)
            return []
        turn = self._turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        if self._commit_fails:
            raise PartitionsLostError("gone")
        self.committed.update(next_offsets)

    def seek(self, topic_partition: TopicPartition, offset: int) -> None: ...

    lacking: ClassVar[dict[str, str]] = {}

    def take_lost(self) -> list[LostRange]:
        return []

    def pause(self, topic_partitions: Iterable[TopicPartition]) -> None: ...

    def resume(self, topic_partitions: Iterable[TopicPartition]) -> None: ...

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset()

    def close(self, *, timeout_seconds: float = 5.0) -> None:
        self.is_closed.set()


class Loop:
    def __init__(self, *sources: ScriptedSource | Exception) -> None:
        self._sources = list(sources)
        self.opened: list[list[str]] = []
        self.ids: list[int] = []
        self.loop = SubscriptionLoop(open_source=self._open, retry=QUICK)

    def _open(self, topics: Sequence[str]) -> RecordSource:
        self.opened.append(list(topics))
        source = self._sources.pop(0)
        if isinstance(source, Exception):
            raise source
        return source

    def hear(self, message: Mapping[str, int]) -> None:
        self.ids.append(message["id"])


class TestSubscriptionLoop:
    @pytest.mark.parametrize(
        ("crash", "said"),
        [
            (RetryableError("no bus"), "Kafka is unavailable: no bus"),
            (RuntimeError("a bug"), "The subscription loop crashed"),
        ],
    )
    def test_subscribes_again_after_a_crash(
        self, crash: Exception, said: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        first = ScriptedSource([a_record(1)], crash)
        second = ScriptedSource([a_record(1), a_record(2)])
        run = Loop(first, second)
        with caplog.at_level(logging.INFO, "messaging"):
            run.loop.add("topic", run.hear)
            wait_until(lambda: run.ids == [1, 1, 2], seconds=5)
        run.loop.close(timeout_seconds=5)
        assert run.opened == [["topic"], ["topic"]]
        assert first.is_closed.is_set()
        assert second.committed == {TopicPartition("topic", 0): 3}
        assert any(said in record.getMessage() for record in caplog.records)

    def test_tries_until_the_bus_is_there(self) -> None:
        run = Loop(*[RetryableError("away")] * 4, ScriptedSource([a_record(1)]))
        run.loop.add("topic", run.hear)
        wait_until(lambda: run.ids == [1], seconds=5)
        run.loop.close(timeout_seconds=5)
        assert len(run.opened) == 5

    def test_goes_on_when_its_partitions_went_to_another(self) -> None:
        source = ScriptedSource(
            [a_record(n) for n in range(100)], [a_record(100)], commit_fails=True
        )
        run = Loop(source)
        run.loop.add("topic", run.hear)
        wait_until(lambda: len(run.ids) == 101, seconds=5)
        run.loop.close(timeout_seconds=5)
        assert len(run.opened) == 1

    def test_commits_after_a_hundred_messages(self) -> None:
        source = ScriptedSource([a_record(n) for n in range(100)])
        run = Loop(source)
        run.loop.add("topic", run.hear)
        wait_until(lambda: source.committed == {TopicPartition("topic", 0): 100}, seconds=5)
        run.loop.close(timeout_seconds=5)

    def test_takes_the_same_subscription_once(self) -> None:
        run = Loop(ScriptedSource([a_record(1)]))
        run.loop.add("topic", run.hear)
        run.loop.add("topic", run.hear)
        wait_until(lambda: bool(run.ids), seconds=5)
        run.loop.close(timeout_seconds=5)
        assert run.ids == [1]

    def test_may_be_closed_by_a_handler(self) -> None:
        run = Loop(ScriptedSource([a_record(1), a_record(2)]))

        def close(message: object) -> None:
            run.ids.append(1)
            run.loop.close(timeout_seconds=60)

        run.loop.add("topic", close)
        wait_until(lambda: run.ids == [1], seconds=5)
        run.loop.close(timeout_seconds=5)
        assert run.ids == [1]
