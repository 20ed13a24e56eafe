"""Lines between the processes and a service, which can be made bad: small TCP relays.

python -m bench.chaos.lines CONTROL NAME:PORT:TARGET …   (ports on 127.0.0.1)

Each line passes bytes on, both ways. On the control port a JSON object a line says how, such as
{"name": "redis", "delay": 0.1}, and is answered with "ok":

  delay              seconds that each piece takes longer
  bytes_per_second   how much goes through; 0: all
  silent             nothing goes through, and nobody hears of it: half open
  cut                each connection that is there passes half of its next piece, and ends
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

PIECE = 65536


@dataclass(eq=False)
class Connection:
    """Both halves, once the other one answers."""

    writers: list[asyncio.StreamWriter]
    is_doomed: bool = False

    def end(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


@dataclass
class Line:
    target: int
    delay: float = 0.0
    bytes_per_second: float = 0.0
    connections: set[Connection] = field(default_factory=set)
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._open.set()

    def become(
        self,
        *,
        delay: float = 0.0,
        bytes_per_second: float = 0.0,
        silent: bool = False,
        cut: bool = False,
    ) -> None:
        """What is not named is as on a good line."""
        self.delay, self.bytes_per_second = delay, bytes_per_second
        if silent:
            self._open.clear()
        else:
            self._open.set()
        for connection in self.connections:
            connection.is_doomed |= cut

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection([writer])
        self.connections.add(connection)
        try:
            await self._open.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.target, limit=PIECE)
            connection.writers.append(back)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(connection, reader, back))
                both.create_task(self._pass_on(connection, there, writer))
        except* OSError:
            pass  # one end is gone: so is the other
        finally:
            connection.end()
            self.connections.discard(connection)

    async def _pass_on(
        self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(PIECE):
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.bytes_per_second:
                await asyncio.sleep(len(piece) / self.bytes_per_second)
            await self._open.wait()
            if connection.is_doomed:
                writer.write(piece[: len(piece) // 2])
                await writer.drain()
                raise ConnectionAbortedError
            writer.write(piece)
            await writer.drain()
        raise ConnectionResetError


async def control(
    lines: dict[str, Line], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    with contextlib.suppress(OSError):
        while words := await reader.readline():
            told: dict[str, Any] = json.loads(words)
            lines[told.pop("name")].become(**told)
            writer.write(b"ok\n")
            await writer.drain()
    writer.close()


async def main(control_port: int, given: Sequence[str]) -> None:
    lines = {}
    for name, port, target in (one.split(":") for one in given):
        lines[name] = Line(int(target))
        await asyncio.start_server(lines[name].take, "127.0.0.1", int(port), limit=PIECE)
    server = await asyncio.start_server(
        lambda reader, writer: control(lines, reader, writer), "127.0.0.1", control_port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
