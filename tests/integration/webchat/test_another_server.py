"""On a server that offers no more than ASGI asks for, the chat is the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.crowd import Crowd, Member, make_rooms
from tests.support.servers import Server, Uvicorn

pytestmark = pytest.mark.embedded

MESSAGES = 200


@pytest.fixture(scope="module")
def server(tmp_path_factory, new_sqlite_url) -> Iterator[Server]:
    database = new_sqlite_url(tmp_path_factory.mktemp("uvicorn"))
    with Uvicorn(database, LIMIT_MESSAGES_PER_MINUTE=0, LIMIT_FRAMES_PER_SECOND=0) as started:
        yield started


class TestUvicorn:
    async def test_brings_every_message_to_everyone_once_and_in_order(self, server):
        (room,) = make_rooms(server.database_url, rooms=1, size=4, url=server.ws_url)
        async with Crowd(Member(one) for one in room) as crowd:
            await crowd.talk(messages=MESSAGES)
            await crowd.everyone_has(MESSAGES)
            for member in crowd.members:
                assert list(member.seen.values()) == [list(range(1, MESSAGES + 1))]

    def test_shows_pages(self, server):
        assert server.status_of("/livez") == 200
        assert server.status_of("/sign-in") == 200

    def test_ends_in_time_when_it_is_told_to(self, server):
        server.terminate()
        assert server.exit_code() in {0, -15}
        server.start()
