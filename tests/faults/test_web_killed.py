"""A web process killed (-9) at the worst points of a post: its sender comes back to another one and
sends again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.crowd import Crowd, Member, make_rooms
from tests.support.servers import Server
from tests.support.services import Kafka
from tests.support.way import Way


class DyingWeb(Server):
    application = "tests.support.dying_web:application"


@pytest.fixture
def way(migrated_postgres_url: str, redis_url: str, kafka_without_topics: Kafka) -> Iterator[Way]:
    way = Way(migrated_postgres_url, redis_url, kafka_without_topics.brokers)
    way.server.start()
    way.start_consumer()
    yield way
    way.close()


class TestWebKilled:
    @pytest.mark.parametrize(
        ("point", "is_saved"),
        [
            ("before the commit", False),
            ("before anybody is told", True),
            ("before the reply", True),
        ],
    )
    def test_sending_again_is_one_message_for_everyone(
        self, way: Way, redis_url: str, point: str, is_saved: bool
    ) -> None:
        settings = way.settings | {"DIES_AT": point}
        with DyingWeb(way.database_url, redis_url, **settings) as doomed:
            (room,) = make_rooms(way.database_url, rooms=1, size=2, url=way.server.ws_url)
            anna, boris = Member({**room[0], "url": doomed.ws_url}), Member(room[1])
            again, (chat_id,), request_id = Member(room[0]), anna.chat_ids, str(uuid4())

            async def talk() -> None:
                async with Crowd([anna, boris]):
                    await anna.send(chat_id, "Hello", request_id=request_id)
                    assert await asyncio.to_thread(doomed.exit_code) == -signal.SIGKILL
                    assert not anna.replies
                    async with Crowd([again]):
                        await again.send(chat_id, "Hello", request_id=request_id)
                        await again.until(lambda: again.replies)
                        await boris.until(lambda: boris.has(1))

            asyncio.run(talk())
        reply = again.replies[request_id]
        assert (reply["seq"], reply["duplicate"]) == (1, is_saved)
        assert way.value("SELECT count(*) FROM chat_message") == 1
        assert boris.seen == {chat_id: [1]}
