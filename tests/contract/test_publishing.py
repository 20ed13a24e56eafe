"""Publishing on every adapter."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from messaging.contract.records import MAX_RECORD_BYTES, OutgoingRecord, RecordPosition
from messaging.errors import InvalidEventError, PermanentError, ShuttingDownError
from tests.contract.conftest import Bus, first_arrivals, outgoing, read
from tests.support.processes import PATIENCE

Unique = Callable[[str], str]

A_MESSAGE = {
    "messageId": "m1",
    "chatId": "c1",
    "senderId": "u1",
    "content": "Привет 👋",
    "timestamp": "2026-11-23T10:15:00.000Z",
}


class TestPublish:
    def test_writes_plain_json_and_says_where_it_is(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("publish"))
        adapter = bus.adapter()
        position = adapter.publish(topic, A_MESSAGE, headers=(("a", b"1"), ("b", b"\xff")))
        (record,) = read(bus.source(adapter, unique("group"), topic), 1)
        assert json.loads(record.value or b"") == A_MESSAGE
        assert record.headers == (("a", b"1"), ("b", b"\xff"))
        assert position == RecordPosition(topic, record.partition, record.offset)
        assert abs(record.timestamp_ms / 1000 - time.time()) < 60

    @pytest.mark.parametrize(
        ("message", "key", "expected"),
        [
            ({"id": "i", "messageId": "m"}, "k", b"k"),
            ({"id": "i", "messageId": "m"}, None, b"i"),
            ({"messageId": "m"}, None, b"m"),
            ({"id": 17}, None, b"17"),
            ({"text": "no id at all"}, None, None),
        ],
    )
    def test_takes_the_given_key_then_id_then_message_id(
        self, bus: Bus, unique: Unique, message: dict[str, Any], key: str | None, expected: bytes
    ) -> None:
        topic = bus.topic(unique("keys"))
        adapter = bus.adapter()
        adapter.publish(topic, message, key=key)
        assert read(bus.source(adapter, unique("group"), topic), 1)[0].key == expected

    def test_refuses_what_breaks_the_schema_of_its_topic(self, bus: Bus) -> None:
        with pytest.raises(InvalidEventError, match="missing: senderId"):
            bus.adapter().publish(
                "chat-messages", {k: v for k, v in A_MESSAGE.items() if k != "senderId"}
            )

    def test_refuses_a_record_over_the_limit_at_once(self, bus: Bus, unique: Unique) -> None:
        waits: list[float] = []
        adapter = bus.adapter(sleep=waits.append)
        with pytest.raises(PermanentError, match="bytes"):
            adapter.publish(bus.topic(unique("large")), {"id": "1", "x": "y" * MAX_RECORD_BYTES})
        assert waits == []


class TestPublishMany:
    def test_keeps_the_order_of_each_key(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("order"))
        adapter = bus.adapter()
        results = adapter.publish_many(outgoing(topic, 2000, keys=20))
        records = read(bus.source(adapter, unique("group"), topic), 2000)
        assert len(records) == 2000
        for key, numbers in first_arrivals(records).items():
            assert numbers == list(range(int((key or b"").split(b"-")[1]), 2000, 20))
        written = {(r.topic, r.partition, r.offset): int(r.value or b"") for r in records}
        for number, result in enumerate(results):
            assert isinstance(result, RecordPosition)
            assert written[result.topic, result.partition, result.offset] == number

    def test_puts_equal_keys_into_one_partition(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("partitions"))
        results = bus.adapter().publish_many(outgoing(topic, 100, keys=20))
        results += bus.adapter().publish_many(outgoing(topic, 100, keys=20))
        by_key: dict[int, set[int]] = {}
        for number, result in enumerate(results):
            assert isinstance(result, RecordPosition)
            by_key.setdefault(number % 20, set()).add(result.partition)
        assert all(len(partitions) == 1 for partitions in by_key.values())
        assert len(frozenset().union(*by_key.values())) > 1

    def test_carries_a_record_without_a_value_and_one_without_a_key(
        self, bus: Bus, unique: Unique
    ) -> None:
        topic = bus.topic(unique("bare"))
        adapter = bus.adapter()
        adapter.publish_many(
            [OutgoingRecord(topic, "gone", None), OutgoingRecord(topic, None, b"no key")]
        )
        records = read(bus.source(adapter, unique("group"), topic), 2)
        assert {(r.key, r.value) for r in records} == {(b"gone", None), (None, b"no key")}

    def test_says_permanent_only_of_the_records_that_are_impossible(
        self, bus: Bus, unique: Unique
    ) -> None:
        topic = bus.topic(unique("mixed"))
        results = bus.adapter().publish_many(
            [
                OutgoingRecord(topic, "a", b"x" * (MAX_RECORD_BYTES - 1)),
                OutgoingRecord(topic, "a", b"x" * MAX_RECORD_BYTES),
                OutgoingRecord("an impossible topic!", "a", b"2"),
                OutgoingRecord(topic, None, None),
                OutgoingRecord(topic, "a", b"4", (("large", b"x" * MAX_RECORD_BYTES),)),
                OutgoingRecord(topic, "a", b"5"),
            ]
        )
        assert isinstance(results[0], RecordPosition)
        assert [type(result) for result in results[1:5]] == [PermanentError] * 4
        assert isinstance(results[5], RecordPosition)

    def test_gives_nothing_for_nothing(self, bus: Bus) -> None:
        assert bus.adapter().publish_many([]) == []

    def test_may_be_called_from_several_threads(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("threads"))
        adapter = bus.adapter()
        results: list[object] = []

        def publish(worker: int) -> None:
            for turn in range(5):
                first = worker * 1000 + turn * 50
                records = [
                    OutgoingRecord(topic, f"worker-{worker}", b"%d" % number)
                    for number in range(first, first + 50)
                ]
                results.extend(adapter.publish_many(records))

        threads = [threading.Thread(target=publish, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30 * PATIENCE)
        assert len(results) == 1000
        assert all(isinstance(result, RecordPosition) for result in results)
        arrived = first_arrivals(read(bus.source(adapter, unique("group"), topic), 1000))
        for numbers in arrived.values():
            assert len(numbers) == 250
            assert numbers == sorted(numbers)


class TestTopics:
    def test_are_made_with_the_given_partitions_unless_they_are_there(
        self, bus: Bus, unique: Unique
    ) -> None:
        first, second = unique("first"), unique("second")
        adapter = bus.adapter()
        assert adapter.ensure_topics([first], partitions=2, replication=1) == [first]
        assert adapter.ensure_topics([first, second], partitions=5, replication=1) == [second]
        assert adapter.ensure_topics([first, second], partitions=5, replication=1) == []
        described = adapter.describe_topics([first, second, unique("missing")])
        assert {d.topic: (d.partitions, d.replication) for d in described} == {
            first: (2, 1),
            second: (5, 1),
        }


class TestConnection:
    def test_answers_a_ping(self, bus: Bus) -> None:
        adapter = bus.adapter()
        adapter.connect()
        adapter.ping(timeout_seconds=5)

    def test_refuses_everything_once_it_is_closed(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("closed"))
        adapter = bus.adapter()
        adapter.connect()
        adapter.close()
        adapter.close()
        for refused in (
            adapter.connect,
            adapter.ping,
            lambda: adapter.publish(topic, {"id": "1"}),
            lambda: adapter.publish_many(outgoing(topic, 1)),
            lambda: adapter.subscribe(topic, lambda message: None),
            lambda: adapter.open_source(group_id="group", topics=[topic]),
        ):
            with pytest.raises(ShuttingDownError):
                refused()

    def test_may_be_closed_without_ever_having_been_connected(self, bus: Bus) -> None:
        bus.adapter().close()
