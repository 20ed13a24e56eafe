"""Three brokers, each record on all of them and acknowledged by two: one killed, one slow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from tests.faults.test_the_whole_way import assert_on_topic_once_and_in_order
from tests.support.crowd import Crowd, Member, Room, make_rooms
from tests.support.kafka_cluster import REPLICAS, KafkaCluster, Node, slow
from tests.support.needs import absent
from tests.support.processes import wait_until
from tests.support.services import ServiceMissing
from tests.support.way import Way

ROOMS, SIZE, STEP = 10, 4, 400


@pytest.fixture(scope="module")
def cluster() -> Iterator[KafkaCluster]:
    try:
        cluster = KafkaCluster()
    except ServiceMissing as error:
        absent(str(error))
    with cluster:
        yield cluster


@pytest.fixture
def way(migrated_postgres_url: str, redis_url: str, cluster: KafkaCluster) -> Iterator[Way]:
    way = Way(migrated_postgres_url, redis_url, cluster.brokers, KAFKA_TOPIC_REPLICATION=REPLICAS)
    way.server.start()
    yield way
    way.close()


@pytest.mark.long
class TestThreeBrokers:
    def test_lose_and_reorder_nothing_with_one_killed_and_one_slow(
        self, way: Way, cluster: KafkaCluster
    ) -> None:
        way.start_consumer()
        rooms = make_rooms(way.database_url, rooms=ROOMS, size=SIZE, url=way.server.ws_url)
        killed, slowed, _third = cluster.nodes
        crowd = asyncio.run(talk_meanwhile(rooms, killed_node=killed, slow_node=slowed))
        assert not any(member.errors for member in crowd.members)
        count = 4 * STEP // ROOMS
        for member in crowd.members:
            assert member.seen == {member.chat_ids[0]: list(range(1, count + 1))}
        wait_until(lambda: not way.waiting(), seconds=120, what="an empty outbox")
        assert_on_topic_once_and_in_order(way, crowd.told())
        for handler in ("activity", "audit", "heads", "notifications"):
            wait_until(
                partial(has_handled, way, handler, 4 * STEP),
                seconds=120,
                what=f"every event handled by {handler}",
            )


def has_handled(way: Way, handler: str, count: int) -> bool:
    """Each event once."""
    handled = "SELECT count(DISTINCT event_id), count(*) FROM messaging_receipt"
    condition = f"topic = 'chat-messages' AND handler = '{handler}'"
    return bool(way.value(f"SELECT ROW({count}, {count}) = ({handled} WHERE {condition})"))


async def talk_meanwhile(rooms: list[Room], *, killed_node: Node, slow_node: Node) -> Crowd:
    async with Crowd(Member(sign_in) for room in rooms for sign_in in room) as crowd:
        await crowd.talk(messages=STEP)
        with slow(slow_node):
            await crowd.talk(messages=STEP)
            await asyncio.to_thread(killed_node.kill)
            await crowd.talk(messages=STEP)
        await asyncio.to_thread(killed_node.start)
        await crowd.talk(messages=STEP)
        await crowd.everyone_has(4 * STEP // ROOMS)
        return crowd
