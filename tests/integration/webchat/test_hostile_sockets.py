"""What a WebSocket that means harm gets from a real server: as little work as can be."""

from __future__ import annotations

import json
import re
import select
from collections.abc import Iterator

import pytest

from bench.support.attackers import frame
from chat.wire.protocol import CloseCode
from tests.support.raw_http import Raw
from tests.support.raw_sockets import open_socket, ping
from tests.support.servers import Server, start_server
from webchat.daphne.sockets import MAX_FRAME_OF_ALL, Socket

pytestmark = pytest.mark.embedded

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory, new_sqlite_url) -> Iterator[Server]:
    with start_server(new_sqlite_url(tmp_path_factory.mktemp("sockets"))) as started:
        yield started


@pytest.fixture(scope="module")
def unpaced(tmp_path_factory, new_sqlite_url) -> Iterator[Server]:
    database = new_sqlite_url(tmp_path_factory.mktemp("unpaced"))
    with start_server(database, LIMIT_FRAMES_PER_SECOND=0) as started:
        yield started


@pytest.fixture
def peer(server) -> Iterator[Raw]:
    with open_socket(server) as peer:
        yield peer


def close_code(peer: Raw) -> int:
    """Of the last frame that it sent."""
    at = peer.received.rindex(b"\x88")
    return int.from_bytes(peer.received[at + 2 : at + 4], "big")


class TestFrames:
    def test_over_our_limit_are_answered(self, peer):
        text = json.dumps({"type": "ping", "request_id": "x" * 100_000})
        peer.send(frame(text.encode()))
        while b"frame_too_large" not in peer.received:
            assert peer.read()
        peer.send(frame(b'{"type": "ping", "request_id": "still here"}'))
        while b"still here" not in peer.received:
            assert peer.read()

    def test_far_over_it_end_the_socket_before_they_have_come(self, peer):
        peer.send(frame(b"x" * (MAX_FRAME_OF_ALL + 1))[:2000])
        assert peer.closed()

    def test_that_come_faster_than_they_are_read_wait_with_the_sender(self, server, peer):
        peer.socket.setblocking(False)
        many, sent = ping("n") * 1000, 0
        while is_taken(peer):
            sent += peer.socket.send(many)
            assert sent < 64 * MEGABYTE
        with open_socket(server) as other:
            other.send(ping("other"))
            while b"other" not in other.received:
                assert other.read()

    def test_that_had_to_wait_are_all_answered_in_order(self, unpaced):
        numbers = [f"number {n}" for n in range(2000)]
        with open_socket(unpaced) as peer:
            peer.send(b"".join(map(ping, numbers)))
            while numbers[-1].encode() not in peer.received:
                assert peer.read()
        answered = re.findall(r"number \d+", peer.received.decode(errors="replace"))
        assert answered == numbers

    def test_that_are_nonsense_by_the_thousand_end_it_with_too_much(self, unpaced):
        with open_socket(unpaced) as peer:
            peer.send(frame(b"{") * 500)
            while close_code_or_none(peer) is None:
                assert peer.read()
            assert close_code(peer) == CloseCode.TOO_MUCH
            assert peer.closed()


def is_taken(peer: Raw) -> bool:
    """Whether more can be sent, or can soon."""
    return bool(select.select([], [peer.socket], [], 2.0)[1])


def close_code_or_none(peer: Raw) -> int | None:
    return close_code(peer) if b"\x88" in peer.received[:-3] else None


class TestTooMuch:
    @pytest.mark.parametrize("code", [None, *CloseCode])
    def test_is_the_end_of_reading(self, code):
        told: list[object] = []

        class Transport:
            def pauseProducing(self):  # noqa: N802
                told.append("paused")

        socket = Socket.__new__(Socket)
        socket.sendCloseFrame = lambda code: told.append(int(code))
        socket.transport = Transport()
        socket.serverClose(code)
        paused = ["paused"] if code == CloseCode.TOO_MUCH else []
        assert told == [code or 1000, *paused]
