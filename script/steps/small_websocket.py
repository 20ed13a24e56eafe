"""A WebSocket client in the standard library: text frames, as much of RFC 6455 as a check needs."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import struct
from types import TracebackType
from typing import Self

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
CONTINUATION, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA


class WebSocketRefused(OSError):
    """Raised when the server does not open the socket, or closes it."""


class SmallWebSocket:
    def __init__(
        self, port: int, path: str, *, headers: dict[str, str], seconds: float = 10
    ) -> None:
        self._peer = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._incoming = self._peer.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        asked = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
        } | headers
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
        self._peer.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        self._expect_upgrade(key)

    def _expect_upgrade(self, key: str) -> None:
        status = self._incoming.readline().decode("latin-1").strip()
        answer: dict[str, str] = {}
        while line := self._incoming.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            answer[name.lower()] = value.strip()
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        if " 101 " not in f"{status} " or answer.get("sec-websocket-accept") != expected:
            raise WebSocketRefused(f"no WebSocket at this address: {status or 'no answer'}")

    def send(self, text: str) -> None:
        self._send(TEXT, text.encode())

    def receive(self) -> str:
        """The next text frame, put together from its parts."""
        parts = b""
        while True:
            is_last, kind, payload = self._frame()
            if kind == PING:
                self._send(PONG, payload)
            elif kind == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else 1005
                raise WebSocketRefused(f"the server closed the socket with code {code}")
            elif kind in (TEXT, CONTINUATION):
                parts += payload
                if is_last:
                    return parts.decode()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._send(CLOSE, struct.pack(">H", 1000))
        self._incoming.close()
        self._peer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, kind: int, payload: bytes) -> None:
        mask = os.urandom(4)
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", 0x80 | kind, 0x80 | size)
        elif size < 65_536:
            head = struct.pack(">BBH", 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack(">BBQ", 0x80 | kind, 0x80 | 127, size)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        self._peer.sendall(head + mask + masked)

    def _frame(self) -> tuple[bool, int, bytes]:
        first, second = self._exactly(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack(">H", self._exactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self._exactly(8))[0]
        return bool(first & 0x80), first & 0x0F, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        got = self._incoming.read(size)
        if len(got) < size:
            raise WebSocketRefused("the server ended the connection")
        return got
