"""From real sockets through PostgreSQL and Kafka to the consumers, with things going wrong."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from tests.faults.conftest import PRODUCT_TOPICS
from tests.support.crowd import Crowd, Member, make_rooms, share_more_chats
from tests.support.kafka_topics import remove_topics
from tests.support.processes import wait_until
from tests.support.services import Kafka
from tests.support.way import Way

SEED_FIELDS = {"messageId", "chatId", "senderId", "content", "timestamp"}


def records_of(brokers: str, topic: str) -> list[Any]:
    """Everything on the topic, read by the bare client."""
    client = KafkaConsumer(bootstrap_servers=brokers, auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(topic, n) for n in client.partitions_for_topic(topic) or ()]
        client.assign(partitions)
        client.seek_to_beginning(*partitions)
        ends = client.end_offsets(partitions)
        found: list[Any] = []
        while any(client.position(each) < end for each, end in ends.items()):
            for records in client.poll(timeout_ms=1000).values():
                found.extend(records)
        return found
    finally:
        client.close()


@pytest.fixture
def own_broker(own_kafka: Kafka) -> Iterator[Kafka]:
    remove_topics(own_kafka.brokers, PRODUCT_TOPICS)
    yield own_kafka
    own_kafka.thaw()
    own_kafka.start()


@pytest.fixture
def way(
    migrated_postgres_url: str, redis_url: str, own_broker: Kafka
) -> Iterator[Callable[[], Way]]:
    made: list[Way] = []

    def start() -> Way:
        way = Way(migrated_postgres_url, redis_url, own_broker.brokers)
        made.append(way)
        way.server.start()
        return way

    yield start
    for one in made:
        one.close()


def assert_on_topic_once_and_in_order(way: Way, told: dict[int, set[int]]) -> None:
    """Every message that was answered, once by event id, in seq order, keyed by its chat."""
    seqs: dict[int, list[int]] = defaultdict(list)
    events: Counter[str] = Counter()
    ours = way.event_ids()
    for record in records_of(way.brokers, "chat-messages"):
        value = json.loads(record.value)
        event_id = dict(record.headers)["event-id"].decode()
        if event_id not in ours:
            continue
        events[event_id] += 1
        if events[event_id] > 1:
            continue
        assert record.key.decode() == value["chatId"]
        assert all(isinstance(value[field], str) for field in SEED_FIELDS)
        seqs[int(value["chatId"])].append(value["seq"])
    assert {chat: sorted(told[chat]) for chat in told} == dict(seqs)


class TestTheWholeWay:
    @pytest.mark.long
    def test_ten_thousand_messages_arrive_once_and_in_order_while_consumers_come_and_go(
        self, way: Callable[[], Way]
    ) -> None:
        one = way()
        (people,) = make_rooms(one.database_url, rooms=1, size=20, url=one.server.ws_url)
        chats = share_more_chats(one.database_url, people, more=49)
        leaving, _staying = one.start_consumer(), one.start_consumer()

        async def talk() -> Crowd:
            members = [Member(person, chats) for person in people]
            async with Crowd(members) as crowd:
                await crowd.talk(messages=5000)
                leaving.terminate()
                joining = asyncio.to_thread(one.start_consumer)
                await asyncio.gather(joining, crowd.talk(messages=5000))
                await crowd.everyone_has(200)
                return crowd

        crowd = asyncio.run(talk())
        assert not any(member.errors for member in crowd.members)
        for member in crowd.members:
            assert member.seen == {chat_id: list(range(1, 201)) for chat_id in chats}
        wait_until(lambda: one.count_handled() >= 10_000, seconds=60, what="every handled event")
        assert leaving.exit_code() == 0
        assert_on_topic_once_and_in_order(one, crowd.told())
        handlers = one.value(
            "SELECT count(DISTINCT handler) FROM messaging_receipt WHERE topic = 'chat-messages'"
        )
        assert one.count_handled() == 10_000 * handlers

    def test_live_chat_goes_on_while_kafka_is_stopped_and_all_is_published_afterwards(
        self, way: Callable[[], Way], own_broker: Kafka
    ) -> None:
        one = way()
        rooms = make_rooms(one.database_url, rooms=10, size=4, url=one.server.ws_url)

        async def talk() -> Crowd:
            members = [Member(sign_in) for room in rooms for sign_in in room]
            async with Crowd(members) as crowd:
                await crowd.talk(messages=400)
                await asyncio.to_thread(own_broker.kill)
                await crowd.talk(messages=800)
                await crowd.everyone_has(120)
                await asyncio.to_thread(own_broker.start)
                await crowd.talk(messages=400)
                await crowd.everyone_has(160)
                return crowd

        crowd = asyncio.run(talk())
        assert not any(member.errors for member in crowd.members)
        for member in crowd.members:
            assert member.seen == {member.chat_ids[0]: list(range(1, 161))}
        wait_until(
            lambda: not one.value("SELECT count(*) FROM messaging_outboxevent WHERE status = 0"),
            seconds=60,
            what="an empty outbox",
        )
        assert_on_topic_once_and_in_order(one, crowd.told())
