"""A refused handshake is an answer that says why, with the headers of every answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.testing import StringTransport

from tests.unit.webchat.test_light_sockets import HANDSHAKE, Server
from webchat.daphne.answers import HEADERS
from webchat.daphne.sockets import Socket, SocketFactory

pytestmark = pytest.mark.embedded

START = {"type": "websocket.http.response.start"}
BODY = {"type": "websocket.http.response.body"}


class Patient(Server):
    websocket_connect_timeout = 5
    websocket_timeout = 86400

    def __init__(self) -> None:
        super().__init__()
        self.gone: list[Any] = []

    def protocol_disconnected(self, protocol: Any) -> None:
        self.gone.append(protocol)


@pytest.fixture
def server() -> Patient:
    return Patient()


def shaking_hands(server: Server, handshake: bytes = HANDSHAKE) -> Socket:
    """The application has been asked and has not answered."""
    factory = SocketFactory(server)
    factory.setProtocolOptions(openHandshakeTimeout=0)
    made: Socket = factory.buildProtocol(None)
    made._raw_query_string = b""
    transport = StringTransport()
    transport.registerProducer(object(), True)
    made.makeConnection(transport)
    made.dataReceived(handshake)
    return made


def answer_of(socket: Socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their names in small letters, and body."""
    head, body = socket.transport.value().split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    named = (line.partition(": ") for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, _, value in named}, body


def error_of(socket: Socket) -> tuple[int, str]:
    status, headers, body = answer_of(socket)
    assert headers.keys() >= {name.lower() for name in HEADERS}
    assert headers["content-length"] == str(len(body))
    return status, json.loads(body)["error"]["code"]


class TestAnswer:
    def test_is_the_applications_with_the_headers_of_every_answer(self, server):
        socket = shaking_hands(server)
        socket.handle_reply({**START, "status": 429, "headers": [(b"retry-after", b"7")]})
        socket.handle_reply({**BODY, "body": b"not ", "more_body": True})
        assert not socket.transport.value()
        socket.handle_reply({**BODY, "body": b"now"})
        status, headers, body = answer_of(socket)
        assert (status, headers["retry-after"], body) == (429, "7", b"not now")
        assert headers.keys() >= {name.lower() for name in HEADERS}
        assert socket.transport.disconnecting
        assert server.gone == [socket]

    def test_comes_once(self, server):
        socket = shaking_hands(server)
        for _ in range(2):
            socket.handle_reply({**START, "status": 404})
            socket.handle_reply(BODY)
        assert socket.transport.value().count(b"HTTP/1.1") == 1

    def test_is_not_given_on_a_socket_that_is_open(self, server):
        socket = shaking_hands(server)
        socket.handle_reply({"type": "websocket.accept"})
        socket.transport.clear()
        socket.handle_reply({**START, "status": 404})
        socket.handle_reply(BODY)
        assert not socket.transport.value()

    def test_of_a_plain_refusal_is_forbidden(self, server):
        socket = shaking_hands(server)
        socket.handle_reply({"type": "websocket.close"})
        assert error_of(socket) == (403, "forbidden")

    def test_to_what_is_no_handshake_says_so_and_names_the_versions(self, server):
        socket = shaking_hands(server, HANDSHAKE.replace(b"Version: 13", b"Version: 99"))
        assert error_of(socket) == (400, "bad_request")
        assert "13" in answer_of(socket)[1]["sec-websocket-version"]

    def test_of_an_application_that_fails_is_an_error_of_ours(self, server):
        socket = shaking_hands(server)
        socket.handle_exception(ValueError())
        assert error_of(socket) == (500, "error")


class TestTimeout:
    """The application has not answered in time: nobody has forbidden anything."""

    def test_of_daphne_asks_to_come_again(self, server):
        socket = shaking_hands(server)
        socket.socket_opened -= 6
        socket.check_timeouts()
        assert error_of(socket) == (503, "unavailable")
        assert int(answer_of(socket)[1]["retry-after"]) > 0

    def test_of_autobahn_asks_to_come_again(self, server):
        socket = shaking_hands(server)
        socket.onOpenHandshakeTimeout()
        assert error_of(socket) == (503, "unavailable")

    def test_does_not_concern_who_is_in(self, server):
        socket = shaking_hands(server)
        socket.handle_reply({"type": "websocket.accept"})
        socket.transport.clear()
        socket.onOpenHandshakeTimeout()
        assert socket.state == socket.STATE_OPEN
        assert not socket.transport.value()


class TestClose:
    @pytest.mark.parametrize("code", [0, 999, 1005, 1006, 1015, 2999, 5000])
    def test_is_not_made_with_a_code_that_stands_for_none(self, server, code):
        socket = shaking_hands(server)
        socket.handle_reply({"type": "websocket.accept"})
        with pytest.raises(ValueError, match=str(code)):
            socket.handle_reply({"type": "websocket.close", "code": code})
