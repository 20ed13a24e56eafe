"""Members of consumer groups on every adapter. See Note [Rebalance] in messaging/bus/adapter.py."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from kafka.admin import KafkaAdminClient

from messaging.bus.adapter import LostRange
from messaging.bus.kafka import source as source_module
from messaging.contract.records import OutgoingRecord, Record, TopicPartition
from messaging.errors import PartitionsLostError, RetryableError
from tests.contract.conftest import (
    PARTITIONS,
    Bus,
    first_arrivals,
    kafka_bus,
    outgoing,
    read,
    share,
)
from tests.support.processes import PATIENCE
from tests.support.services import KafkaServer, wait_until

Unique = Callable[[str], str]


def after(records: list[Record]) -> dict[TopicPartition, int]:
    """What to commit when all of these are done."""
    offsets: dict[TopicPartition, int] = {}
    for record in records:
        known = offsets.get(record.topic_partition, 0)
        offsets[record.topic_partition] = max(known, record.offset + 1)
    return offsets


def numbers(records: list[Record]) -> list[int]:
    return sorted(int(record.value or b"") for record in records)


class TestPoll:
    def test_reads_from_the_beginning_in_order(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("read"))
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 300))
        records = read(bus.source(adapter, unique("group"), topic), 300)
        assert numbers(records) == list(range(300))
        offsets: dict[int, list[int]] = {}
        for record in records:
            offsets.setdefault(record.partition, []).append(record.offset)
        for found in offsets.values():
            assert found == list(range(len(found)))

    def test_gives_at_most_what_was_asked_for(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("few"))
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 50))
        source = bus.source(adapter, unique("group"), topic)
        seen: list[Record] = []

        def is_done() -> bool:
            records = source.poll(max_records=7, timeout_seconds=0.2)
            assert len(records) <= 7
            seen.extend(records)
            return len(seen) == 50

        wait_until(is_done, seconds=20)

    def test_gives_nothing_in_its_time_when_there_is_nothing(
        self, bus: Bus, unique: Unique
    ) -> None:
        source = bus.source(bus.adapter(), unique("group"), bus.topic(unique("empty")))
        share(source, count=PARTITIONS)
        started = time.monotonic()
        assert source.poll(max_records=10, timeout_seconds=0.3) == []
        assert 0.2 < time.monotonic() - started < 2 * PATIENCE

    def test_reads_several_topics(self, bus: Bus, unique: Unique) -> None:
        first, second = bus.topic(unique("first")), bus.topic(unique("second"))
        adapter = bus.adapter()
        adapter.publish_many([*outgoing(first, 20), *outgoing(second, 20, first=20)])
        records = read(bus.source(adapter, unique("group"), first, second), 40)
        assert {record.topic for record in records} == {first, second}

    def test_of_two_groups_gives_each_everything(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("groups"))
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 30))
        for group in (unique("one"), unique("other")):
            assert numbers(read(bus.source(adapter, group, topic), 30)) == list(range(30))

    def test_of_a_closed_source_is_refused(self, bus: Bus, unique: Unique) -> None:
        source = bus.source(bus.adapter(), unique("group"), bus.topic(unique("closed")))
        source.close()
        source.close()
        with pytest.raises(RetryableError):
            source.poll(max_records=1, timeout_seconds=0.1)


class TestCommit:
    def test_is_where_the_next_member_goes_on(self, bus: Bus, unique: Unique) -> None:
        topic, group = bus.topic(unique("commit")), unique("group")
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 40))
        source = bus.source(adapter, group, topic)
        source.commit(after(read(source, 40)))
        source.close()
        adapter.publish_many(outgoing(topic, 10, first=40))
        assert numbers(read(bus.source(adapter, group, topic), 10)) == list(range(40, 50))

    def test_that_was_not_made_brings_the_records_again(self, bus: Bus, unique: Unique) -> None:
        topic, group = bus.topic(unique("again")), unique("group")
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 40))
        source = bus.source(adapter, group, topic)
        records = read(source, 40)
        done = [record for record in records if record.partition % 2]
        assert 0 < len(done) < 40
        source.commit(after(done))
        source.close()
        again = read(bus.source(adapter, group, topic), 40 - len(done))
        assert numbers(again) == numbers([record for record in records if record not in done])

    def test_after_a_rebalance_is_refused_and_all_come_again(
        self, bus: Bus, unique: Unique
    ) -> None:
        topic, group = bus.topic(unique("late")), unique("group")
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 60))
        early = bus.source(adapter, group, topic)
        records = read(early, 60)
        before = early.generation
        late = bus.source(bus.adapter(), group, topic)
        again = share(early, late, count=PARTITIONS)
        assert early.generation != before
        lost = {p: o for p, o in after(records).items() if p not in early.assignment()}
        assert lost
        with pytest.raises(PartitionsLostError):
            early.commit(lost)

        def is_complete() -> bool:
            for source in (early, late):
                again.extend(source.poll(max_records=100, timeout_seconds=0.1))
            return {record.value for record in again} == {record.value for record in records}

        wait_until(is_complete, seconds=20, what="everything has come again")

    def test_of_what_this_generation_has_not_read_is_refused(
        self, bus: Bus, unique: Unique
    ) -> None:
        topic, group = bus.topic(unique("unread")), unique("group")
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 20))
        source = bus.source(adapter, group, topic)
        records = read(source, 20)
        source.close()
        with pytest.raises(PartitionsLostError):
            source.commit(after(records))


class TestSeek:
    def test_reads_again_from_there(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("seek"), partitions=1)
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 10))
        source = bus.source(adapter, unique("group"), topic)
        read(source, 10)
        source.seek(TopicPartition(topic, 0), 7)
        assert numbers(read(source, 3)) == [7, 8, 9]

    def test_of_a_partition_that_is_not_ours_does_nothing(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("seek"), partitions=1)
        source = bus.source(bus.adapter(), unique("group"), topic)
        source.seek(TopicPartition(topic, 0), 7)
        source.pause([TopicPartition(topic, 0)])
        source.resume([TopicPartition(topic, 0)])


class TestPause:
    def test_holds_back_one_partition_and_keeps_the_membership(
        self, bus: Bus, unique: Unique
    ) -> None:
        topic = bus.topic(unique("pause"))
        adapter = bus.adapter()
        source = bus.source(adapter, unique("group"), topic)
        share(source, count=PARTITIONS)
        results = adapter.publish_many(outgoing(topic, 100, keys=20))
        held = TopicPartition(topic, 1)
        source.pause([held])
        expected = [n for n, result in enumerate(results) if result.partition != 1]  # type: ignore[union-attr]
        assert 0 < len(expected) < 100
        generation = source.generation
        records = read(source, len(expected))
        assert source.poll(max_records=100, timeout_seconds=0.5) == []
        assert numbers(records) == expected
        assert held in source.assignment()
        source.resume([held])
        assert numbers(records + read(source, 100 - len(expected))) == list(range(100))
        assert source.generation == generation

    def test_of_all_in_turn_with_a_step_back_loses_nothing(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("pause"))
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 100, keys=20))
        source = bus.source(adapter, unique("group"), topic)
        held: set[TopicPartition] = set()

        def hold_one() -> bool:  # as a consumer does whose database is away
            for record in source.poll(max_records=5, timeout_seconds=0.2):
                held.add(record.topic_partition)
                source.pause([record.topic_partition])
                source.seek(record.topic_partition, 0)
            return len(held) == PARTITIONS

        wait_until(hold_one, seconds=20)
        source.poll(max_records=5, timeout_seconds=0.2)
        source.resume(held)
        assert numbers(read(source, 100)) == list(range(100))

    def test_ends_with_a_rebalance(self, bus: Bus, unique: Unique) -> None:
        topic, group = bus.topic(unique("pause")), unique("group")
        adapter = bus.adapter()
        source, other = (bus.source(bus.adapter(), group, topic) for _ in range(2))
        share(source, other, count=PARTITIONS)
        source.pause(source.assignment())
        adapter.publish_many(outgoing(topic, 50, keys=20))
        other.close()
        assert numbers(read(source, 50)) == list(range(50))


class TestGroup:
    def test_gives_every_partition_to_one_member(self, bus: Bus, unique: Unique) -> None:
        topic, group = bus.topic(unique("share")), unique("group")
        first, second = (bus.source(bus.adapter(), group, topic) for _ in range(2))
        share(first, second, count=PARTITIONS)
        assert not first.assignment() & second.assignment()
        second.close()
        share(first, count=PARTITIONS)

    def test_loses_nothing_and_keeps_the_order_while_members_come_and_go(
        self, bus: Bus, unique: Unique
    ) -> None:
        topic, group = bus.topic(unique("churn")), unique("group")
        adapter = bus.adapter()
        adapter.publish_many(outgoing(topic, 400, keys=20))
        members = [bus.source(bus.adapter(), group, topic)]
        done: list[Record] = []

        def work(turns: int) -> None:
            for _ in range(turns):
                for member in members:
                    records = member.poll(max_records=15, timeout_seconds=0.1)
                    try:
                        member.commit(after(records))
                    except PartitionsLostError:
                        continue
                    done.extend(records)

        for _ in range(3):
            work(3)
            members.append(bus.source(bus.adapter(), group, topic))
            work(3)
            members.pop(0).close()

        def is_done() -> bool:
            work(1)
            return len(set(done)) >= 400

        wait_until(is_done, seconds=30)
        assert numbers(list(set(done))) == list(range(400))
        for key, arrived in first_arrivals(done).items():
            assert arrived == sorted(arrived), key


class TestRemovedRecords:
    """Retention was faster than a group."""

    @pytest.fixture
    def one(self, bus: Bus, unique: Unique) -> TopicPartition:
        """A partition of 30 records."""
        topic = bus.topic(unique("removed"), partitions=1)
        bus.adapter().publish_many(outgoing(topic, 30, keys=1))
        return TopicPartition(topic, 0)

    def test_behind_what_was_committed_are_told_once(
        self, bus: Bus, unique: Unique, one: TopicPartition
    ) -> None:
        adapter, group = bus.adapter(), unique("group")
        source = bus.source(adapter, group, one.topic)
        read(source, 30)
        source.commit({one: 10})
        assert source.take_lost() == []
        source.close()
        bus.remove_before(one, 25)
        (lag,) = adapter.lag(group_id=group, topics=[one.topic])
        assert (lag.lost, lag.records) == (15, 5)

        source = bus.source(adapter, group, one.topic)
        assert numbers(read(source, 5)) == [25, 26, 27, 28, 29]
        assert source.take_lost() == [LostRange(one, 10, 25)]
        assert source.take_lost() == []
        source.commit({one: 25})
        (lag,) = adapter.lag(group_id=group, topics=[one.topic])
        assert (lag.lost, lag.records) == (0, 5)

    def test_with_nothing_after_them_are_told_and_passed(
        self, bus: Bus, unique: Unique, one: TopicPartition
    ) -> None:
        adapter, group = bus.adapter(), unique("group")
        source = bus.source(adapter, group, one.topic)
        read(source, 30)
        source.commit({one: 10})
        source.close()
        bus.remove_before(one, 30)
        source = bus.source(adapter, group, one.topic)
        found: list[LostRange] = []

        def is_told() -> bool:
            assert source.poll(max_records=10, timeout_seconds=0.2) == []
            found.extend(source.take_lost())
            return bool(found)

        wait_until(is_told, seconds=20)
        assert found == [LostRange(one, 10, 30)]
        source.commit({one: 30})
        (lag,) = adapter.lag(group_id=group, topics=[one.topic])
        assert (lag.lost, lag.records) == (0, 0)

    def test_in_front_of_a_running_member_are_told(
        self, bus: Bus, unique: Unique, one: TopicPartition
    ) -> None:
        adapter, group = bus.adapter(), unique("group")
        source = bus.source(adapter, group, one.topic)
        read(source, 30)
        source.pause([one])
        adapter.publish_many(outgoing(one.topic, 30, keys=1, first=30))
        bus.remove_before(one, 45)
        source.resume([one])
        assert numbers(read(source, 15))[0] == 45
        assert source.take_lost() == [LostRange(one, 30, 45)]

    def test_before_a_group_that_has_committed_nothing_are_not_certain(
        self, bus: Bus, unique: Unique, one: TopicPartition
    ) -> None:
        adapter, group = bus.adapter(), unique("group")
        bus.remove_before(one, 20)
        (lag,) = adapter.lag(group_id=group, topics=[one.topic])
        assert (lag.lost, lag.records) == (0, 10)
        source = bus.source(adapter, group, one.topic)
        read(source, 10)
        assert source.take_lost() == [LostRange(one, 0, 20, is_certain=False)]


class TestMissingTopic:
    def test_is_named_and_the_others_are_read(self, bus: Bus, unique: Unique) -> None:
        there, missing = bus.topic(unique("there")), unique("missing")
        adapter = bus.adapter()
        assert list(adapter.find_lacking([there, missing])) == [missing]
        adapter.publish_many(outgoing(there, 20))
        source = bus.source(adapter, unique("group"), there, missing)
        assert numbers(read(source, 20)) == list(range(20))
        assert "does not exist" in source.lacking[missing]

        bus.topic(missing)
        adapter.publish_many(outgoing(missing, 20, first=100))
        found = read(source, 20, seconds=30)
        assert {record.topic for record in found if int(record.value or b"") >= 100} == {missing}
        assert dict(source.lacking) == {}


class TestLag:
    def test_tells_records_and_seconds(self, bus: Bus, unique: Unique) -> None:
        topic, group = bus.topic(unique("lag")), unique("group")
        adapter = bus.adapter()
        before_ms = int(time.time() * 1000)
        adapter.publish_many(outgoing(topic, 30))
        now_ms = int(time.time() * 1000)
        missing = unique("missing")
        lag = adapter.lag(group_id=group, topics=[topic, missing])
        assert {part.topic_partition for part in lag} == {
            TopicPartition(topic, number) for number in range(PARTITIONS)
        }
        assert sum(part.records for part in lag) == 30
        oldest = max(part.seconds(now_ms=now_ms + 60_000) for part in lag)
        assert 60 <= oldest <= 60 + (now_ms - before_ms) / 1000

        source = bus.source(adapter, group, topic)
        source.commit(after(read(source, 30)))
        lag = adapter.lag(group_id=group, topics=[topic])
        assert sum(part.records for part in lag) == 0
        assert [part.seconds(now_ms=now_ms) for part in lag] == [0] * PARTITIONS
        assert adapter.describe_topics([missing]) == []


class OddName(str):
    """A header's name as only C clients can write it."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"odd-\xff\xfe"


class TestKafkaRecord:
    def test_with_a_header_name_that_is_not_utf_8_stops_nobody(
        self, kafka: KafkaServer, unique: Unique
    ) -> None:
        bus = kafka_bus(kafka.brokers)
        topic = bus.topic(unique("odd"), partitions=1)
        adapter = bus.adapter()
        names = ["good", OddName("odd"), "good", OddName("odd"), "good"]
        adapter.publish_many(
            [
                OutgoingRecord(topic, "k", b"%d" % number, ((name, b"content"),))
                for number, name in enumerate(names)
            ]
        )
        records = read(bus.source(adapter, unique("group"), topic), 5, seconds=10)
        assert [record.value for record in records] == [b"0", b"1", b"2", b"3", b"4"]
        assert records[0].headers == (("good", b"content"),)
        assert records[1].headers == (("odd-\ufffd\ufffd", b"content"),)
        bus.close()


class TestKafkaGroup:
    """What only a real broker can do to a group."""

    def test_follows_partitions_that_are_added_however_short_its_polls(
        self, kafka: KafkaServer, unique: Unique, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(source_module.CONSUMER_OPTIONS, "metadata_max_age_ms", 300)
        bus = kafka_bus(kafka.brokers)
        topic, group = bus.topic(unique("grow"), partitions=1), unique("group")
        members = [bus.source(bus.adapter(), group, topic) for _ in range(2)]
        admin = KafkaAdminClient(bootstrap_servers=kafka.brokers)
        for count in (2, 4, 6):
            admin.create_partitions({topic: count})

            def has_all(count: int = count) -> bool:
                for member in members:
                    member.poll(max_records=10, timeout_seconds=0.02)
                return sum(len(member.assignment()) for member in members) == count

            wait_until(has_all, seconds=10, every=0, what=f"{count} partitions are shared")
        admin.close()
        bus.close()
