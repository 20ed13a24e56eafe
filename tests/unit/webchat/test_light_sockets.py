"""A socket that only listens takes little memory, and behaves as autobahn's does."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from twisted.internet.testing import StringTransport

from bench.support.attackers import frame
from webchat.daphne.light_sockets import Pieces
from webchat.daphne.sockets import Socket, SocketFactory

HANDSHAKE = (
    b"GET /ws/?lang=en HTTP/1.1\r\nHost: localhost:8000\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nOrigin: http://localhost:8000\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: sessionid=secret\r\n\r\n"
)
# What has defaults of its class, and so no place: few enough for a small dict.
IN_A_DICT = {"_results", "_valid_events", "connected", "factory", "transport", "waiting_frames"}
MAX_FRAME = 5000


class Server:
    """As much of Daphne's as a protocol asks for."""

    root_path = ""
    proxy_forwarded_address_header = None

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Server:
        self.scope = {**scope, "headers": list(scope["headers"])}
        return self

    def put_nowait(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    def protocol_connected(self, protocol: Any) -> None: ...

    def protocol_disconnected(self, protocol: Any) -> None: ...

    def log_action(self, *arguments: Any) -> None: ...


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def socket(server) -> Socket:
    """Open, and one frame has come."""
    factory = SocketFactory(server)
    factory.setProtocolOptions(maxFramePayloadSize=MAX_FRAME, openHandshakeTimeout=0)
    made: Socket = factory.buildProtocol(None)
    made._raw_query_string = b"lang=en"
    transport = StringTransport()
    # Unlike the real one, it raises when there is none to unregister.
    transport.registerProducer(object(), True)
    made.makeConnection(transport)
    made.dataReceived(HANDSHAKE)
    made.handle_reply({"type": "websocket.accept"})
    made.dataReceived(frame(b"hello"))
    return made


class TestSocket:
    def test_is_open_and_hears(self, socket, server):
        assert socket.state == socket.STATE_OPEN
        assert server.messages[1:] == [{"type": "websocket.receive", "text": "hello"}]

    def test_has_a_place_for_nearly_all_that_autobahn_notes(self, socket):
        # Something new here: it needs a place in webchat.daphne.light_sockets.
        assert set(vars(socket)) <= IN_A_DICT

    def test_and_its_notes_are_small(self, socket):
        assert sys.getsizeof(socket) + sys.getsizeof(vars(socket)) < 1200

    def test_has_the_options_of_its_class(self, socket):
        assert not set(vars(socket)) & set(Socket.CONFIG_ATTRS)
        assert socket.maxFramePayloadSize == MAX_FRAME

    def test_is_closed_for_a_frame_over_its_options(self, socket):
        socket.dataReceived(frame(b"x" * (MAX_FRAME + 1)))
        assert socket.failedByMe

    def test_keeps_nothing_of_its_headers(self, socket, server):
        assert (b"cookie", b"sessionid=secret") in server.scope["headers"]
        kept = (socket.http_headers, socket.clean_headers, socket.http_request_data)
        assert not any(kept)
        assert "secret" not in repr([getattr(socket, name, None) for name in places()])

    def test_writes_as_ever(self, socket):
        socket.transport.clear()
        socket.handle_reply({"type": "websocket.send", "text": "hello"})
        socket.write_text("again")
        assert socket.transport.value() == b"\x81\x05hello\x81\x05again"

    def test_shares_nothing_that_changes_with_another(self, server):
        factory = SocketFactory(server)
        factory.setProtocolOptions(openHandshakeTimeout=0)
        one, other = factory.buildProtocol(None), factory.buildProtocol(None)
        for each in (one, other):
            each.makeConnection(StringTransport())
        one.dataReceived(b"GET")
        assert (one.data, other.data) == (b"GET", b"")


class TestPieces:
    def test_leave_in_the_order_they_came(self):
        pieces = Pieces()
        for number in range(3):
            pieces.append(number)
        assert [pieces.popleft() for _ in range(3)] == [0, 1, 2]


def places() -> list[str]:
    return [name for kind in Socket.__mro__ for name in vars(kind).get("__slots__", ())]
