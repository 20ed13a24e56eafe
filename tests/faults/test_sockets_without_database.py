"""PostgreSQL killed or frozen: who comes by socket is asked to come again, not forbidden."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from chat.wire.protocol import CloseCode
from tests.support.crowd import make_rooms
from tests.support.line_ends import code_of, refusal_of, welcomed
from tests.support.processes import wait_until
from tests.support.servers import Server, start_server
from tests.support.services import Postgres


@pytest.fixture
def server(own_postgres: Postgres) -> Iterator[Server]:
    own_postgres.start()
    with start_server(own_postgres.new_database()) as started:
        yield started
        own_postgres.thaw()
        own_postgres.start()
        assert "Traceback" not in started.log.read_text()


@pytest.fixture
def member(server: Server) -> dict[str, Any]:
    ((found,),) = make_rooms(server.database_url, rooms=1, size=1, url=server.ws_url)
    return found


def is_welcome(server: Server, member: dict[str, Any]) -> bool:
    try:
        with welcomed(server, member):
            return True
    except InvalidStatus as refused:
        if refused.response.status_code != 503:
            raise
        return False


class TestDatabaseAway:
    @pytest.mark.parametrize("how", ["kill", "freeze"])
    def test_newcomers_are_asked_to_come_again_and_can(
        self, own_postgres: Postgres, server: Server, member: dict[str, Any], how: str
    ):
        with welcomed(server, member):
            getattr(own_postgres, how)()
            refused = refusal_of(server, member)
            assert (refused.status, refused.code) == (503, "unavailable")
            assert refused.retry_after == "2"
            assert "no-store" in refused.headers["Cache-Control"]
        own_postgres.thaw()
        own_postgres.start()
        # Each of the server's threads may find a dead connection of its own first.
        wait_until(
            lambda: is_welcome(server, member), seconds=30, what="newcomers are welcome again"
        )

    def test_a_server_that_ends_says_so_to_its_sockets_and_is_gone(
        self, own_postgres: Postgres, server: Server, member: dict[str, Any]
    ):
        with welcomed(server, member) as socket:
            own_postgres.freeze()
            asked = {"type": "chat.history", "chat_id": member["chat"], "before_seq": 9}
            socket.send(json.dumps(asked))
            server.terminate()
            assert code_of(socket) == CloseCode.RESTARTING
        assert server.exit_code(seconds=15) in {0, -15}
