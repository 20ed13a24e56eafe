"""How sockets end on real servers: every code arrives, and "not now" is never "forbidden"."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from threading import Thread
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from chat.wire.protocol import CloseCode
from tests.support.crowd import make_rooms
from tests.support.line_ends import (
    code_of,
    connect,
    lines_until_closed,
    refusal_of,
    welcomed,
)
from tests.support.processes import PATIENCE, wait_until
from tests.support.servers import Server, Uvicorn

pytestmark = pytest.mark.embedded

ELSEWHERE = "http://chat.example.org"
SOCKETS = 20


class Closing(Server):
    application = "tests.support.closing_application:application"


class ClosingUvicorn(Closing, Uvicorn):
    pass


def people(server: Server, count: int) -> list[dict[str, Any]]:
    (room,) = make_rooms(server.database_url, rooms=1, size=count, url=server.ws_url)
    return room


def frame(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, "request_id": "r", **fields})


@pytest.fixture(scope="module", params=[Closing, ClosingUvicorn])
def closing_server(request, tmp_path_factory, new_sqlite_url) -> Iterator[Server]:
    with request.param(new_sqlite_url(tmp_path_factory.mktemp("closing"))) as started:
        yield started


@pytest.fixture(scope="module", params=[Server, Uvicorn])
def server(request, tmp_path_factory, new_sqlite_url) -> Iterator[Server]:
    """At an address that it does not allow, with little room."""
    with request.param(
        new_sqlite_url(tmp_path_factory.mktemp("ends")),
        ALLOWED_ORIGINS=ELSEWHERE,
        LIMIT_SOCKETS_PER_PERSON=1,
        LIMIT_SOCKETS_OPENED_PER_MINUTE=6,
        LIMIT_FRAMES_PER_SECOND=0,
        LIMIT_PAGES_PER_MINUTE=0,
        LIMIT_MESSAGES_PER_MINUTE=0,
    ) as started:
        yield started
        assert "Traceback" not in started.log.read_text()


@pytest.fixture(params=[Server, Uvicorn])
def stopping(request, tmp_path, new_sqlite_url) -> Iterator[Server]:
    """To be ended by the test."""
    with request.param(new_sqlite_url(tmp_path), LIMIT_FRAMES_PER_SECOND=0) as started:
        yield started
        assert "Traceback" not in started.log.read_text()


class TestEveryCode:
    @pytest.mark.parametrize("code", [1000, 1001, 1011, *CloseCode])
    def test_that_a_server_may_send_arrives(self, closing_server, code):
        with connect(closing_server, path=f"/{int(code)}/") as socket:
            assert code_of(socket) == code


class TestWhoIsNotLetIn:
    def test_is_signed_out_without_a_session(self, server):
        with connect(server, origin=ELSEWHERE) as socket:
            assert code_of(socket) == CloseCode.SIGNED_OUT

    def test_is_not_allowed_on_our_page_at_an_address_that_is_not_listed(self, server):
        (member,) = people(server, 1)
        with connect(server, member, origin=server.url) as socket:
            assert lines_until_closed(socket) == ([], CloseCode.NOT_ALLOWED)

    @pytest.mark.parametrize("origin", ["http://evil.example", "null"])
    def test_is_forbidden_on_anybody_elses_page(self, server, origin):
        (member,) = people(server, 1)
        refused = refusal_of(server, member, origin=origin)
        assert (refused.status, refused.code) == (403, "forbidden")

    def test_finds_nothing_where_no_socket_is(self, server):
        refused = refusal_of(server, path="/nowhere/", origin=ELSEWHERE)
        assert (refused.status, refused.code) == (404, "not_found")

    def test_is_told_why_when_too_many_are_open(self, server):
        (member,) = people(server, 1)
        with (
            welcomed(server, member, origin=ELSEWHERE),
            connect(server, member, origin=ELSEWHERE) as second,
        ):
            (goodbye,), code = lines_until_closed(second)
        assert (goodbye["reason"], code) == ("too_many", CloseCode.TOO_MUCH)

    def test_is_asked_to_wait_when_it_comes_too_often(self, server):
        (member,) = people(server, 1)
        for _ in range(2):
            with welcomed(server, member, origin=ELSEWHERE):
                pass
        refused = refusal_of(server, member, origin=ELSEWHERE)
        assert (refused.status, refused.code, refused.retry_after) == (429, "too_many", "5")


class TestWhoIsIn:
    def test_is_closed_for_nonsense_by_the_thousand(self, server):
        (member,) = people(server, 1)
        with welcomed(server, member, origin=ELSEWHERE) as socket:
            with suppress(ConnectionClosed):
                for _ in range(500):
                    socket.send("{")
            assert code_of(socket) == CloseCode.TOO_MUCH


class TestServerThatEnds:
    def test_tells_everyone_when_to_come_back(self, stopping):
        with ExitStack() as opened:
            room = people(stopping, SOCKETS)
            sockets = [opened.enter_context(welcomed(stopping, one)) for one in room]
            stopping.terminate()
            ends = [lines_until_closed(socket) for socket in sockets]
        assert {code for _, code in ends} == {CloseCode.RESTARTING}
        assert all(lines[-1]["type"] == "goodbye" for lines, _ in ends)
        assert all(lines[-1]["retry_after"] > 0 for lines, _ in ends)
        assert stopping.exit_code() in {0, -15}

    def test_tells_those_who_talk_all_the_while(self, stopping):
        room = people(stopping, 4)
        with ExitStack() as opened:
            sockets = [opened.enter_context(welcomed(stopping, one)) for one in room]
            for socket in sockets:
                Thread(target=talk, args=[socket]).start()
            stopping.terminate()
            assert {code_of(socket) for socket in sockets} == {CloseCode.RESTARTING}

    def test_asks_newcomers_to_come_again_while_it_finishes(self, stopping):
        first, second = people(stopping, 2)
        with welcomed(stopping, first) as socket:
            with nobody_else_writes(stopping):
                socket.send(message(first, "last words"))
                stopping.terminate()
                wait_until(lambda: stopping.status_of("/readyz") == 503, seconds=20)
                refused = refusal_of(stopping, second)
            _, code = lines_until_closed(socket)
        assert (refused.status, refused.code, refused.retry_after) == (503, "unavailable", "2")
        assert code == CloseCode.RESTARTING

    def test_tells_everyone_though_the_database_stands_still(self, stopping):
        (member,) = people(stopping, 1)
        with welcomed(stopping, member) as socket, nobody_else_writes(stopping):
            socket.send(message(member, "never saved"))
            stopping.terminate()
            assert code_of(socket) == CloseCode.RESTARTING


def message(member: dict[str, Any], content: str) -> str:
    client_id = "00000000-0000-4000-8000-000000000001"
    return frame(
        "message.send", client_message_id=client_id, chat_id=member["chat"], content=content
    )


def talk(socket: Any) -> None:
    with suppress(ConnectionClosed):
        while True:
            socket.send(frame("ping"))


@contextmanager
def nobody_else_writes(server: Server) -> Iterator[None]:
    """Into the server's SQLite."""
    file = server.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None, timeout=20 * PATIENCE)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")
