"""Connections that mean harm, some of each kind, to a server of this machine.

bench.hostile runs it. Reads sign-ins of bench/sessions.py from stdin; prints how its connections
ended, by kind. Bounded in time and number; a connection that was closed is opened again.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import struct
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

SignIn = dict[str, Any]
Attack = Callable[["Connection"], Awaitable[None]]
# A connection that is closed at once is not opened again more often than this.
PAUSE_SECONDS = 0.2
MASK = bytes(4)


class Connection:
    """Raw bytes to a server of this machine."""

    def __init__(self, sign_in: SignIn, ends_at: float) -> None:
        self.sign_in, self.ends_at = sign_in, ends_at
        self.received = b""

    async def open(self) -> None:
        place = urlsplit(self.sign_in["url"])
        assert place.hostname in {"127.0.0.1", "localhost"}, "only this machine is attacked"
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", place.port)
        self.host = place.netloc

    async def say(self, data: bytes) -> None:
        """Raises ConnectionError when the server has closed, TimeoutError when it takes nothing."""
        if time.monotonic() >= self.ends_at:
            raise TimeoutError
        self.writer.write(data)
        async with asyncio.timeout(self.left):
            await self.writer.drain()

    async def hear(self, seconds: float) -> bool:
        """Takes what comes for so long. Raises ConnectionError at the server's close."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self.left)):
                while chunk := await self.reader.read(65536):
                    self.received = (self.received + chunk)[-4096:]
                raise ConnectionResetError
        return time.monotonic() < self.ends_at

    @property
    def left(self) -> float:
        return max(0.01, self.ends_at - time.monotonic())

    async def shake_hands(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        await self.say(
            f"GET /ws/ HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Origin: http://{self.host}\r\nCookie: {self.sign_in['cookie']}\r\n\r\n".encode()
        )
        async with asyncio.timeout(self.left):
            self.received = await self.reader.readuntil(b"\r\n\r\n")

    def how_it_ended(self) -> str:
        """By the last that it said."""
        # A close frame: FIN and opcode 8, a length without a mask, the code.
        at = self.received.rfind(b"\x88")
        if at >= 0 and len(self.received) >= at + 4 and self.received[at + 1] in range(2, 126):
            return f"close {struct.unpack('!H', self.received[at + 2 : at + 4])[0]}"
        if self.received.startswith(b"HTTP/1.1 ") and not self.received.startswith(b"HTTP/1.1 101"):
            return f"status {self.received[9:12].decode()}"
        return "cut off"


def frame(text: bytes) -> bytes:
    """A masked text frame (the mask is zeros: nothing to compute)."""
    if len(text) < 126:
        return bytes([0x81, 0x80 | len(text)]) + MASK + text
    if len(text) < 65536:
        return b"\x81\xfe" + struct.pack("!H", len(text)) + MASK + text
    return b"\x81\xff" + struct.pack("!Q", len(text)) + MASK + text


async def never_reads(one: Connection) -> None:
    """Asks for pages and takes none."""
    await one.shake_hands()
    one.writer.transport.pause_reading()  # type: ignore[attr-defined]
    chat = one.sign_in["chat"]
    ask = {"type": "chat.history", "request_id": "1", "chat_id": chat, "before_seq": 10**9}
    while True:
        await one.say(frame(json.dumps(ask).encode()))
        await asyncio.sleep(0.05)


async def floods(one: Connection) -> None:
    await one.shake_hands()
    many = frame(b'{"type": "ping", "request_id": "1"}') * 50
    while True:
        await one.say(many)
        await one.hear(0.01)


async def sends_huge_frames(one: Connection) -> None:
    await one.shake_hands()
    huge = frame(b"x" * 900_000)
    while await one.hear(0.1):
        await one.say(huge)


async def sends_garbage(one: Connection) -> None:
    await one.shake_hands()
    while await one.hear(0.05):
        await one.say(frame(b"{" * 2000) + frame(b'"\xff\xfe'))


async def sends_no_http(one: Connection) -> None:
    while await one.hear(0.05):
        await one.say(os.urandom(512))


async def sends_a_slow_head(one: Connection) -> None:
    await one.say(f"GET / HTTP/1.1\r\nHost: {one.host}\r\nX-Slow: ".encode())
    while await one.hear(0.5):
        await one.say(b"x")


async def sends_a_slow_body(one: Connection) -> None:
    head = f"POST /hooks/x HTTP/1.1\r\nHost: {one.host}\r\nContent-Length: 60000\r\n\r\n"
    await one.say(head.encode())
    while await one.hear(0.5):
        await one.say(b" ")


async def shakes_half_a_hand(one: Connection) -> None:
    await one.say(f"GET /ws/ HTTP/1.1\r\nHost: {one.host}\r\nUpgrade: websocket\r\n".encode())
    while await one.hear(1):
        pass


ATTACKS: list[Attack] = [
    never_reads,
    floods,
    sends_huge_frames,
    sends_garbage,
    sends_no_http,
    sends_a_slow_head,
    sends_a_slow_body,
    shakes_half_a_hand,
]
KINDS = [kind.__name__ for kind in ATTACKS]


async def attack(kind: Attack, sign_ins: Iterator[SignIn], ends_at: float, ends: Counter) -> None:
    """One connection after the other until the time is up."""
    while time.monotonic() < ends_at:
        one = Connection(next(sign_ins), ends_at)
        try:
            await one.open()
            await kind(one)
            how = "open to the end"
        except TimeoutError:
            how = "open to the end"
        except (ConnectionError, asyncio.IncompleteReadError):
            how = one.how_it_ended()
        ends[f"{kind.__name__}: {how}"] += 1
        if hasattr(one, "writer"):
            one.writer.transport.abort()
        await asyncio.sleep(min(PAUSE_SECONDS, one.left))


async def attack_all(
    sign_ins: list[SignIn], count: int, seconds: float, only: str | None
) -> dict[str, int]:
    ends: Counter[str] = Counter()
    ends_at, whose = time.monotonic() + seconds, cycle(sign_ins)
    chosen = [kind for kind in ATTACKS if only in (None, kind.__name__)]
    kinds = [kind for kind, _ in zip(cycle(chosen), range(count), strict=False)]
    await asyncio.gather(*(attack(kind, whose, ends_at, ends) for kind in kinds))
    return dict(sorted(ends.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", choices=KINDS)
    given = parser.parse_args()
    people = json.load(sys.stdin)[0]
    print(json.dumps(asyncio.run(attack_all(people, given.count, given.seconds, given.only))))
