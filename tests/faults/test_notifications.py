"""Through PostgreSQL, Kafka and consumers of which one dies: told once, seen by reading."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio import client as websockets
from websockets.typing import Origin

from tests.support.crowd import make_rooms
from tests.support.processes import wait_until
from tests.support.services import Kafka
from tests.support.way import Way

MENTIONS = 60


@pytest.fixture
def way(migrated_postgres_url: str, redis_url: str, kafka_without_topics: Kafka) -> Iterator[Way]:
    way = Way(migrated_postgres_url, redis_url, kafka_without_topics.brokers)
    way.server.start()
    yield way
    way.close()


class Page:
    """Someone's socket: all lines that came, and a way to send."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.lines: list[dict[str, Any]] = []

    async def listen(self) -> None:
        async for frame in self.socket:
            self.lines += map(json.loads, frame.split("\n"))

    async def send(self, frame_type: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": frame_type, **fields}))

    def heard(self, what: str) -> list[Any]:
        lines = [line for line in self.lines if line["type"] == "notification"]
        return [line[what] for line in lines if what in line]


@asynccontextmanager
async def page_of(sign_in: dict[str, Any], origin: str) -> AsyncIterator[Page]:
    headers = {"Cookie": sign_in["cookie"]}
    async with websockets.connect(
        sign_in["url"], additional_headers=headers, origin=Origin(origin), proxy=None
    ) as socket:
        page = Page(socket)
        listening = asyncio.create_task(page.listen())
        await until(lambda: page.lines, "the welcome")
        yield page
        listening.cancel()


async def until(condition: Any, what: str) -> None:
    await asyncio.to_thread(wait_until, condition, seconds=60, what=what)


@pytest.mark.long
class TestTheWholeWay:
    def test_tells_once_though_a_consumer_is_killed_and_what_is_read_is_seen(
        self, way: Way
    ) -> None:
        dying, _staying = way.start_consumer(), way.start_consumer()
        (people,) = make_rooms(way.database_url, rooms=1, size=2, url=way.server.ws_url)
        chat_id = people[0]["chat"]

        async def talk() -> Page:
            async with (
                page_of(people[0], way.server.url) as writer,
                page_of(people[1], way.server.url) as reader,
            ):
                name = reader.lines[0]["user"]["username"]
                for number in range(2 * MENTIONS):
                    content = f"{number} @{name}" if number % 2 else f"{number}"
                    await writer.send(
                        "message.send",
                        request_id=str(number),
                        chat_id=chat_id,
                        client_message_id=str(uuid4()),
                        content=content,
                    )
                    if number == MENTIONS:
                        await until(lambda: reader.heard("notification"), "the first")
                        await asyncio.to_thread(dying.kill)
                kept = "SELECT count(*) FROM chat_notification"
                await until(lambda: way.value(kept) >= MENTIONS, "all of them")
                async with page_of(people[1], way.server.url) as phone:
                    assert phone.lines[0]["notifications"]["unseen"] == MENTIONS
                    await reader.send("receipt", chat_id=chat_id, read_seq=2 * MENTIONS)
                    await until(lambda: len(seen(phone)) >= MENTIONS, "all seen")
                    assert len(seen(phone)) == len(set(seen(phone))) == MENTIONS
                return reader

        reader = asyncio.run(talk())
        # A line may be lost with the consumer; none comes twice.
        told = [notification["id"] for notification in reader.heard("notification")]
        assert len(told) == len(set(told)) > 0
        assert way.value("SELECT count(*) FROM chat_notification") == MENTIONS
        unseen = "SELECT count(*) FROM chat_notification WHERE seen_at IS NULL"
        assert way.value(unseen) == 0


def seen(page: Page) -> list[int]:
    return [pk for ids in page.heard("seen") for pk in ids]
