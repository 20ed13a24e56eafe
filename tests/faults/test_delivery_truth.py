"""Through real sockets, PostgreSQL, Kafka and the consumer: the durable road to the browser,
delivery statuses of anybody in any order, and one message's way as an operator is shown it.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from messaging.bus.kafka.adapter import KafkaAdapter
from messaging.contract.records import OutgoingRecord
from tests.support.crowd import Crowd, Member, make_rooms
from tests.support.processes import wait_until
from tests.support.servers import Server, manage
from tests.support.services import Kafka
from tests.support.way import Way

STATUS_TOPIC = "message-delivery-status"
PEOPLE, MESSAGES = 10, 200


class WithoutDirectRoad(Server):
    application = "tests.support.no_direct_road:application"


@pytest.fixture
def way(
    migrated_postgres_url: str, redis_url: str, kafka_without_topics: Kafka
) -> Iterator[Callable[..., Way]]:
    made: list[Way] = []

    def start(**options: Any) -> Way:
        way = Way(migrated_postgres_url, redis_url, kafka_without_topics.brokers, **options)
        made.append(way)
        way.server.start()
        return way

    yield start
    for one in made:
        one.close()


def crowd_of(way: Way, servers: list[Server] | None = None) -> Crowd:
    """Ten people of one chat, spread over the servers."""
    (people,) = make_rooms(way.database_url, rooms=1, size=PEOPLE, url=way.server.ws_url)
    for place, one in enumerate(people):
        one["url"] = (servers or [way.server])[place % len(servers or [way.server])].ws_url
    return Crowd([Member(one) for one in people])


def assert_everyone_saw_everything_once_in_order(crowd: Crowd, count: int) -> None:
    for member in crowd.members:
        assert member.seen == {member.chat_ids[0]: list(range(1, count + 1))}


class TestTheDurableRoad:
    def test_alone_brings_every_message_to_every_socket(self, way: Callable[..., Way]) -> None:
        one = way(server=WithoutDirectRoad)

        async def talk() -> Crowd:
            async with crowd_of(one) as crowd:
                await crowd.talk(messages=MESSAGES)
                await asyncio.to_thread(wait_until, lambda: one.waiting() == 0, seconds=60)
                # All are saved and on the topic, and nobody has seen one: there is no other road.
                assert not any(member.seen for member in crowd.members)
                await asyncio.to_thread(one.start_consumer)
                await crowd.everyone_has(MESSAGES)
                await crowd.talk(messages=MESSAGES)
                await crowd.everyone_has(2 * MESSAGES)
                return crowd

        crowd = asyncio.run(talk())
        assert not any(member.errors for member in crowd.members)
        assert_everyone_saw_everything_once_in_order(crowd, 2 * MESSAGES)

    @pytest.mark.long
    def test_beside_the_direct_one_doubles_nothing(self, way: Callable[..., Way]) -> None:
        one, other = way(), way()
        one.start_consumer()
        servers = [one.server, other.server]

        async def talk() -> Crowd:
            async with crowd_of(one, servers) as crowd:
                await crowd.talk(messages=MESSAGES)
                await crowd.everyone_has(MESSAGES)
                # Until the slower road has brought all of it, too.
                expected = MESSAGES * int(one.value(HANDLERS))
                await asyncio.to_thread(
                    wait_until,
                    lambda: one.count_handled() >= expected,
                    seconds=60,
                    what="handled events",
                )
                await crowd.talk(messages=MESSAGES)
                await crowd.everyone_has(2 * MESSAGES)
                return crowd

        crowd = asyncio.run(talk())
        assert not any(member.errors for member in crowd.members)
        assert_everyone_saw_everything_once_in_order(crowd, 2 * MESSAGES)


HANDLERS = "SELECT count(DISTINCT handler) FROM messaging_receipt WHERE topic = 'chat-messages'"


class TestStatuses:
    @pytest.mark.long
    def test_a_thousand_in_any_order_from_another_system_end_right(
        self, way: Callable[..., Way]
    ) -> None:
        one = way()
        crowd = crowd_of(one)

        async def talk() -> None:
            async with crowd:
                await crowd.talk(messages=MESSAGES)
                await crowd.everyone_has(MESSAGES)
                statuses, ends = shuffled_statuses(one)
                await asyncio.to_thread(publish, one.brokers, statuses)
                await asyncio.to_thread(one.start_consumer)
                await asyncio.to_thread(
                    wait_until, lambda: cursors(one) == ends, seconds=60, what="the last cursors"
                )
                chat_id = crowd.members[0].chat_ids[0]
                await asyncio.to_thread(
                    wait_until,
                    lambda: published(one, chat_id) == MESSAGES,
                    seconds=30,
                    what="all published",
                )
                # Everyone was told of everyone's last place.
                for member in crowd.members:
                    await member.until(lambda m=member: told(m) == ends)

        asyncio.run(talk())
        assert not one.value("SELECT count(*) FROM messaging_deadletter")
        for member in crowd.members:
            assert_only_forward(member.statuses)

    def test_of_one_message_are_shown_to_the_operator(self, way: Callable[..., Way]) -> None:
        one = way()
        one.start_consumer()

        async def talk() -> int:
            async with crowd_of(one) as crowd:
                await crowd.talk(messages=PEOPLE)
                await crowd.everyone_has(PEOPLE)
                (chat_id,) = crowd.members[0].chat_ids
                for member in crowd.members:
                    await member.say({"type": "receipt", "chat_id": chat_id, "read_seq": PEOPLE})
                return chat_id

        chat_id = asyncio.run(talk())
        found: dict[str, Any] = {}

        def is_complete() -> bool:
            done = manage("trace_message", f"{chat_id}:3", "--json", env=one.env)
            assert done.returncode == 0, done.stderr
            found.update(json.loads(done.stdout))
            events = found["events"]
            ours = [o for e in events for o in e["handlings"] if o["group"] == "webchat-group"]
            handled = bool(ours) and all(o["handled_at"] for o in ours)
            everyone_has_it = found["receipts"]["delivered"] == PEOPLE - 1
            return handled and everyone_has_it and bool(found["audit"])

        wait_until(is_complete, seconds=90, every=1, what="the whole way")
        (event,) = found["events"]
        assert (event["event_type"], event["state"]) == ("message.created", "published")
        assert event["topic"] == "chat-messages"
        assert event["partition"] is not None
        assert event["offset"] is not None
        assert {"heads", "statuses", "audit"} <= {one["handler"] for one in event["handlings"]}
        assert found["saved"]["is_published"] is True
        receipts = found["receipts"]
        assert receipts["members"] == receipts["delivered"] == receipts["read"] == PEOPLE - 1
        (entry,) = found["audit"]
        assert entry["event_id"] == event["event_id"]
        text = manage("trace_message", f"{chat_id}:3", env=one.env).stdout
        assert f"chat-messages/{event['partition']}/{event['offset']}" in text
        assert "message 0" not in text  # what people wrote


READERS, SPOKEN = 1000, 8
STATUS_WRITES = """
    SELECT pg_stat_force_next_flush(), n_tup_upd, (
        SELECT count(*) FROM messaging_outboxevent WHERE topic = 'message-delivery-status'
    ) FROM pg_stat_user_tables WHERE relname = 'chat_membership'
"""


@pytest.mark.long
class TestAThousandWhoAllRead:
    def test_make_a_few_hundred_status_writes_a_second(self, way: Callable[..., Way]) -> None:
        """Everyone's browser says of each message at once that it is read: 1,000 receipts each."""
        one = way()
        (people,) = make_rooms(one.database_url, rooms=1, size=READERS, url=one.server.ws_url)
        members = [Member(person) for person in people]

        async def talk() -> float:
            async with Crowd(members) as crowd:
                writer, chat_id = members[0], members[0].chat_ids[0]
                before, began_at = status_writes(one), time.monotonic()
                for number in range(SPOKEN):
                    await writer.send(chat_id, f"message {number}")
                    await crowd.everyone_has(number + 1)
                    receipt = {"type": "receipt", "chat_id": chat_id, "read_seq": number + 1}
                    for member in members:
                        await member.say(receipt)
                everyone_read = (
                    f"SELECT min(read_seq) FROM chat_membership WHERE chat_id = {chat_id}"
                )
                await asyncio.to_thread(
                    wait_until, lambda: one.value(everyone_read) == SPOKEN, seconds=60
                )
                return (status_writes(one) - before) / (time.monotonic() - began_at)

        writes_a_second = asyncio.run(talk())
        print(f"{writes_a_second:.0f} status writes a second")  # noqa: T201  its figure
        assert 0 < writes_a_second <= 300
        assert not any(member.errors for member in members)


def status_writes(way: Way) -> int:
    """Rows of members that changed, and events that tell of it."""
    with psycopg.connect(way.database_url) as connection:
        row = connection.execute(STATUS_WRITES).fetchone()
    assert row is not None
    return int(row[1] + row[2])


def shuffled_statuses(way: Way) -> tuple[list[dict[str, Any]], dict[int, tuple[int, int]]]:
    """A thousand of all ten people, and where they end."""
    chance = random.Random(17)
    people: list[tuple[int, int]] = []
    with psycopg.connect(way.database_url) as connection:
        people = connection.execute("SELECT chat_id, user_id FROM chat_membership").fetchall()
    statuses, ends = [], {}
    for chat_id, user_id in people:
        seqs = sorted(chance.choices(range(1, MESSAGES + 1), k=100))
        read = [seq for seq in seqs[:60] if chance.random() < 0.5] or seqs[:1]
        statuses += [
            status(chat_id, user_id, "read" if seq in read else "delivered", seq) for seq in seqs
        ]
        ends[user_id] = (seqs[-1], max(read))
    chance.shuffle(statuses)
    assert len(statuses) == 1000
    return statuses, ends


def status(chat_id: int, user_id: int, kind: str, seq: int) -> dict[str, Any]:
    return {
        "messageId": None,
        "chatId": str(chat_id),
        "userId": str(user_id),
        "status": kind,
        "seq": seq,
        "timestamp": "2026-11-23T10:00:00.000Z",
    }


def publish(brokers: str, statuses: list[dict[str, Any]]) -> None:
    """As another system does: plain JSON without our headers, keyed by the chat."""
    adapter = KafkaAdapter(brokers=[brokers])
    try:
        results = adapter.publish_many(
            [
                OutgoingRecord(STATUS_TOPIC, one["chatId"], json.dumps(one).encode(), ())
                for one in statuses
            ]
        )
        assert not [result for result in results if isinstance(result, Exception)]
    finally:
        adapter.close()


def cursors(way: Way) -> dict[int, tuple[int, int]]:
    with psycopg.connect(way.database_url) as connection:
        rows = connection.execute("SELECT user_id, delivered_seq, read_seq FROM chat_membership")
        return {user_id: (delivered, read) for user_id, delivered, read in rows.fetchall()}


def published(way: Way, chat_id: int) -> int:
    return int(way.value(f"SELECT published_seq FROM chat_chat WHERE id = {chat_id}"))


def told(member: Member) -> dict[int, tuple[int, int]]:
    """How far everyone has come, by what this one was told."""
    found: dict[int, tuple[int, int]] = {}
    for line in member.statuses:
        if "user_id" in line:
            delivered, read = found.get(line["user_id"], (0, 0))
            found[line["user_id"]] = (
                max(delivered, line.get("delivered_seq", 0)),
                max(read, line.get("read_seq", 0)),
            )
    return found


def assert_only_forward(statuses: list[dict[str, Any]]) -> None:
    """Each line brings news: nobody is told twice, or of a step back."""
    before: dict[int | None, tuple[int, int, int]] = {}
    for line in statuses:
        now = tuple(line.get(n, 0) for n in ("published_seq", "delivered_seq", "read_seq"))
        last = before.get(line.get("user_id"), (0, 0, 0))
        assert any(new > old for new, old in zip(now, last, strict=True)), line
        before[line.get("user_id")] = tuple(map(max, zip(now, last, strict=True)))
