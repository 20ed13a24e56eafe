"""PostgreSQL set back to a backup, while Kafka has what came after it: real ones, as processes."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.faults.test_the_whole_way import records_of
from tests.support.crowd import Crowd, Member, Room, make_rooms
from tests.support.processes import wait_until
from tests.support.servers import manage, mark_migrated
from tests.support.services import Kafka, PostgresServer
from tests.support.way import Way

ROOM_SIZE, MESSAGES = 4, 20


class Backup:
    """A chat, its database as it was after 20 messages, and the same after 40."""

    def __init__(self, postgres: PostgresServer, url: str, redis_url: str, kafka: Kafka) -> None:
        self._redis_url, self._brokers = redis_url, kafka.brokers
        way = Way(url, redis_url, kafka.brokers)
        try:
            way.server.start()
            (self.room,) = make_rooms(url, rooms=1, size=ROOM_SIZE, url=way.server.ws_url)
            self.talk(way, self.room)
            way.server.stop()
            self.url = postgres.new_database(template=urlsplit(url).path.lstrip("/"))
            mark_migrated(self.url)
            way.server.start()
            self.talk(way, self.room)
        finally:
            way.close()

    def restored(self) -> Way:
        return Way(self.url, self._redis_url, self._brokers)

    def talk(self, way: Way, room: Room) -> None:
        """Each message is answered and on the topic."""
        before = way.value("SELECT coalesce(max(last_seq), 0) FROM chat_chat")

        async def talk() -> None:
            members = [Member({**each, "url": way.server.ws_url}) for each in room]
            async with Crowd(members) as crowd:
                await crowd.talk(messages=MESSAGES)
                assert not any(member.errors for member in members)

        asyncio.run(talk())
        assert way.value("SELECT max(last_seq) FROM chat_chat") == before + MESSAGES
        wait_until(lambda: not way.waiting(), seconds=60, what="an empty outbox")

    def told(self) -> dict[int, set[str]]:
        """By seq: what the topic says that was sent with it."""
        found = defaultdict(set)
        for record in records_of(self._brokers, "chat-messages"):
            value = json.loads(record.value)
            found[value["seq"]].add(value["clientMessageId"])
        return dict(found)


@pytest.fixture
def backup(
    postgres: PostgresServer,
    migrated_postgres_url: str,
    redis_url: str,
    kafka_without_topics: Kafka,
) -> Iterator[Backup]:
    backup = Backup(postgres, migrated_postgres_url, redis_url, kafka_without_topics)
    yield backup
    postgres.drop_database(backup.url)


@pytest.fixture
def restored(backup: Backup) -> Iterator[Way]:
    way = backup.restored()
    yield way
    way.close()


class TestRestoredBackup:
    def test_catches_up_and_tells_no_number_twice(self, backup: Backup, restored: Way) -> None:
        found = manage("reconcile", "--topic", "--grace-seconds", "0.001", env=restored.env)
        assert found.returncode == 3
        assert "catch_up_with_topics" in found.stdout
        asked = manage("catch_up_with_topics", env=restored.env)
        assert asked.returncode == 3, asked.stderr
        done = manage("catch_up_with_topics", "--execute", "--json", env=restored.env)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["events"]["written back"] == MESSAGES
        restored.server.start()
        backup.talk(restored, backup.room)
        told = backup.told()
        assert sorted(told) == list(range(1, 3 * MESSAGES + 1))
        assert {len(sent) for sent in told.values()} == {1}
        again = manage("catch_up_with_topics", env=restored.env)
        assert again.returncode == 0, again.stdout

    def test_that_nobody_has_noticed_is_published_nowhere_and_said(
        self, backup: Backup, restored: Way
    ) -> None:
        before = backup.told()
        restored.server.start()
        post_one(restored, backup.room)
        wait_until(problems_name(restored, "catch_up_with_topics"), seconds=60)
        assert restored.waiting()
        assert backup.told() == before


def post_one(way: Way, room: Room) -> None:
    async def talk() -> None:
        async with Crowd([Member({**room[0], "url": way.server.ws_url})]) as crowd:
            await crowd.talk(messages=1)

    asyncio.run(talk())


def problems_name(way: Way, words: str) -> Callable[[], bool]:
    def look() -> bool:
        status = manage("kafka_status", "--json", env=way.env)
        figures: dict[str, Any] = json.loads(status.stdout)
        return any(words in problem for problem in figures["problems"])

    return look
