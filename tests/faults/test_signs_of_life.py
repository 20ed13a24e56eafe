"""Whoever looks sees within half a minute that nobody reads any more: not first in the log."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.crowd import Crowd, Member, make_rooms
from tests.support.processes import DEADLINE, PATIENCE, wait_until
from tests.support.servers import manage
from tests.support.way import Way

SEEN_WITHIN_SECONDS = 30
RUNS = "run_kafka_consumer --group webchat-group"


@pytest.fixture
def way(migrated_postgres_url: str, redis_url: str, kafka_without_topics: Any) -> Iterator[Way]:
    way = Way(migrated_postgres_url, redis_url, kafka_without_topics.brokers)
    way.server.start()
    yield way
    way.close()


@pytest.fixture
def member(way: Way) -> dict[str, Any]:
    """Somebody of staff who may see everything."""
    ((first, *_),) = make_rooms(way.database_url, rooms=1, size=2, url=way.server.ws_url)
    with psycopg.connect(way.database_url) as connection:
        connection.execute("UPDATE chat_user SET is_staff = true, is_superuser = true")
    return first


def talk(sign_in: dict[str, Any], messages: int) -> None:
    async def say() -> None:
        async with Crowd([Member(sign_in)]) as crowd:
            await crowd.talk(messages=messages)

    asyncio.run(say())


def first_page(way: Way, sign_in: dict[str, Any]) -> str:
    request = urllib.request.Request(
        way.server.url + "/admin/", headers={"Cookie": sign_in["cookie"], "Accept-Language": "en"}
    )
    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
        return str(answer.read().decode())


def status(way: Way) -> tuple[int, dict[str, Any]]:
    done = manage("kafka_status", "--json", "--check", env=way.env)
    return done.returncode, json.loads(done.stdout)


class TestConsumersThatAreGone:
    def test_are_missed_on_the_first_page_in_readiness_and_in_kafka_status(
        self, way: Way, member: dict[str, Any]
    ) -> None:
        consumer = way.start_consumer()
        talk(member, 5)
        wait_until(lambda: way.count_handled() > 0, seconds=60)
        wait_until(lambda: status(way)[0] == 0, seconds=60, what="all is well")
        (seen,) = status(way)[1]["consumers"]
        assert seen["version"]
        assert seen["partitions"] > 0
        assert "Nobody" not in first_page(way, member)

        consumer.kill()
        gone_at = time.monotonic()
        talk(member, 5)
        wait_until(
            lambda: "Nobody has read for webchat-group since" in first_page(way, member),
            seconds=SEEN_WITHIN_SECONDS,
        )
        assert time.monotonic() - gone_at < SEEN_WITHIN_SECONDS * PATIENCE
        code, answer = way.server.read("/readyz")
        assert code == 200
        assert any(RUNS in line for line in json.loads(answer)["warnings"])
        code, figures = status(way)
        assert code == 3
        assert any(RUNS in line for line in figures["problems"])
        assert figures["unattended"][0]["unread"] >= 5

        way.start_consumer()
        wait_until(lambda: status(way)[0] == 0, seconds=60, what="all is well again")
        wait_until(lambda: not json.loads(way.server.read("/readyz")[1])["warnings"], seconds=10)
