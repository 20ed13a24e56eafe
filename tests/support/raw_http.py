"""Bytes on a TCP connection, as no client library would send them.

with Raw(server.port) as peer:
    peer.send(b"GET / HT")
    assert peer.closed()
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from types import TracebackType
from typing import Any, Self

from tests.support.processes import PATIENCE

SECONDS = 20.0 * PATIENCE


class Raw:
    def __init__(self, port: int, *, source: str = "127.0.0.1", buffer: int | None = None) -> None:
        """`source`: an address of this machine to come from; `buffer`: bytes that it takes in."""
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(SECONDS)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.received = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes, *, every: float) -> float:
        """A byte now and then until the peer closes or all is sent; how many seconds it took."""
        begun = time.monotonic()
        self.socket.settimeout(every)
        with contextlib.suppress(ConnectionError):
            for byte in data:
                self.socket.sendall(bytes([byte]))
                try:
                    chunk = self.socket.recv(65536)
                except TimeoutError:
                    continue
                self.received += chunk
                if not chunk:
                    break
        self.socket.settimeout(SECONDS)
        return time.monotonic() - begun

    def read(self, count: int = 65536) -> bytes:
        chunk = self.socket.recv(count)
        self.received += chunk
        return chunk

    def rest(self) -> bytes:
        """Everything until the peer closes. Raises TimeoutError when it does not."""
        with contextlib.suppress(ConnectionError):
            while self.read():
                pass
        return self.received

    def closed(self) -> bool:
        """Waits for the peer's close; what it said before is in `received`."""
        self.rest()
        return True

    @property
    def status(self) -> int | None:
        is_answer = self.received.startswith(b"HTTP/1.")
        return int(self.received.split(b" ", 2)[1]) if is_answer else None

    @property
    def headers(self) -> dict[str, str]:
        head = self.received.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.received.split(b"\r\n\r\n", 1)[1])["error"]
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()


def request(path: str, *lines: str, method: str = "GET", body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", *lines]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body
