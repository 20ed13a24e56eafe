"""A WebSocket as raw bytes, of somebody who is signed in at a running server.

with open_socket(server) as peer:
    peer.send(ping("one"))
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.support.attackers import frame
from tests.support.crowd import make_rooms
from tests.support.raw_http import Raw, request
from tests.support.servers import Server

TEXT, CLOSE, PONG = 1, 8, 10


@contextmanager
def open_socket(
    server: Server, member: dict[str, Any] | None = None, *, buffer: int | None = None
) -> Iterator[Raw]:
    """Welcome already. `member`: of `make_rooms`, or somebody new; `buffer`: as Raw has it."""
    if member is None:
        ((member, *_),) = make_rooms(server.database_url, rooms=1, size=1, url=server.ws_url)
    with Raw(server.port, buffer=buffer) as peer:
        peer.send(
            request(
                "/ws/",
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                f"Origin: {server.url}",
                f"Cookie: {member['cookie']}",
            ).replace(b"Host: localhost", f"Host: 127.0.0.1:{server.port}".encode())
        )
        while b'"welcome"' not in peer.received:
            assert peer.read()
        yield peer


def ask(kind: str, request_id: str, **fields: Any) -> bytes:
    return frame(json.dumps({"type": kind, "request_id": request_id, **fields}).encode())


def ping(request_id: str) -> bytes:
    return ask("ping", request_id)


def read_frames(peer: Raw) -> Iterator[tuple[int, bytes]]:
    """Opcode and payload of each frame that a server sends after its answer to the handshake."""
    read = peer.received.index(b"\r\n\r\n") + 4
    while True:
        head = _wait_for(peer, read, 2)
        size, start = head[1], read + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(_wait_for(peer, start, width), "big"), start + width
        payload = _wait_for(peer, start, size)
        read = start + size
        assert head[0] & 0xF0 == 0x80, "one frame a message"
        yield head[0] & 0x0F, payload


def _wait_for(peer: Raw, start: int, count: int) -> bytes:
    while len(peer.received) < start + count:
        assert peer.read(1 << 20), "closed in the middle of a frame"
    return peer.received[start : start + count]
