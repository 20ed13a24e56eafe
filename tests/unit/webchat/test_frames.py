"""Frames are made once, and written past the transport only while that keeps their order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.main import CONNECTION_LOST

from webchat.daphne.frames import FrameMaker, text_frame, write


class Recording(WebSocketServerProtocol):
    """autobahn's own frames, as bytes."""

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: N802
        self.written = data


def autobahn_frame(text: str) -> bytes:
    protocol = Recording()
    protocol.factory = WebSocketServerFactory()
    protocol._connectionMade()
    protocol.state = protocol.STATE_OPEN
    protocol.websocket_version = 13
    protocol.sendMessage(text.encode())
    return protocol.written


class TestTextFrame:
    @pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
    def test_is_the_one_that_autobahn_makes(self, size):
        assert text_frame("x" * size) == autobahn_frame("x" * size)

    def test_counts_bytes_not_characters(self):
        assert text_frame("я" * 63) == autobahn_frame("я" * 63)

    def test_of_the_same_block_is_made_once(self):
        maker, block = FrameMaker(), "".join(["a ", "block"])
        assert maker.frame_of(block) is maker.frame_of(block)

    def test_of_an_equal_text_is_equal(self):
        maker = FrameMaker()
        frames = [maker.frame_of("".join(parts)) for parts in (["a", "b"], ["c"], ["a", "b"])]
        assert frames == [text_frame(text) for text in ("ab", "c", "ab")]


@dataclass
class Transport:
    """Of Twisted's TCP transport what matters here; takes `room` bytes at once."""

    room: int = 1000
    is_lost: bool = False
    disconnecting: bool = False
    dataBuffer: bytes = b""  # noqa: N815  (Twisted names them)
    _tempDataBuffer: list[bytes] = field(default_factory=list)  # noqa: N815
    taken: bytes = b""

    def writeSomeData(self, data: bytes) -> int | Exception:  # noqa: N802
        if self.is_lost:
            return CONNECTION_LOST
        sent = data[: self.room]
        self.room -= len(sent)
        self.taken += sent
        return len(sent)

    def write(self, data: bytes) -> None:
        self._tempDataBuffer.append(data)


class TestWrite:
    def test_goes_straight_while_nothing_waits(self):
        transport = Transport()
        write(transport, b"one")
        write(transport, b"two")
        assert (transport.taken, transport._tempDataBuffer) == (b"onetwo", [])

    def test_leaves_to_the_transport_what_the_kernel_does_not_take(self):
        transport = Transport(room=2)
        write(transport, b"one")
        assert (transport.taken, transport._tempDataBuffer) == (b"on", [b"e"])

    def test_of_which_the_kernel_takes_nothing_is_left_whole(self):
        transport = Transport(room=0)
        write(transport, b"one")
        assert (transport.taken, transport._tempDataBuffer) == (b"", [b"one"])

    @pytest.mark.parametrize(
        "busy",
        [{"dataBuffer": b"e"}, {"_tempDataBuffer": [b"e"]}, {"disconnecting": True}],
        ids=str,
    )
    def test_waits_behind_what_waits(self, busy):
        transport = Transport(**busy)
        write(transport, b"two")
        assert transport.taken == b""
        assert transport._tempDataBuffer[-1] == b"two"

    def test_of_a_lost_connection_leaves_that_to_the_transport(self):
        transport = Transport(is_lost=True)
        write(transport, b"one")
        assert transport._tempDataBuffer == [b"one"]

    def test_through_tls_takes_the_transports_way(self):
        class Encrypting:
            written = b""

            def write(self, data: bytes) -> None:
                self.written += data

        transport = Encrypting()
        write(transport, b"one")
        assert transport.written == b"one"
