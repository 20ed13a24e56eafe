"""What the good notice of the bad: python -m bench.hostile

One web process on PostgreSQL and Redis (all started here, on loopback). 500 people in 50 chats post
at a steady rate, first alone, then beside 25 connections that never read, flood, send huge frames,
garbage, heads and bodies byte by byte and half handshakes (bench/support/attackers.py). Prints how
long replies took in both, in milliseconds, their ratio, the server's memory, and how the bad ones
ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.support.attackers import KINDS
from bench.support.pace import steady
from tests.support.crowd import Crowd, Member, Room, make_rooms
from tests.support.servers import ROOT, Server, start_server
from tests.support.services import Postgres, Redis

ROOMS, SIZE = 50, 10
MEGABYTE = 1 << 20


class Good(Member):
    """Answers `heads` as a browser does: who is silent for too long is closed."""

    def _take(self, line: dict[str, Any]) -> None:
        super()._take(line)
        if line["type"] == "heads":
            receipt = {"type": "receipt", "chat_id": self.chat_ids[0], "read_seq": 0}
            self.answering = asyncio.create_task(self.say(receipt))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20, help="messages a second, of all together")
    parser.add_argument("--seconds", type=float, default=30, help="of each of the two parts")
    parser.add_argument("--share", type=float, default=0.05, help="of bad connections to good ones")
    parser.add_argument("--only", choices=KINDS, help="one kind of them")
    options = parser.parse_args()
    with Postgres() as postgres, Redis() as redis:
        database = postgres.new_database("bench")
        with start_server(database, redis.url) as server:
            rooms = make_rooms(database, rooms=ROOMS, size=SIZE, url=server.ws_url)
            # The bad have an account and a chat like everybody.
            bad = make_rooms(database, rooms=1, size=SIZE, url=server.ws_url)
            print(json.dumps(asyncio.run(measure(server, rooms, bad, options)), indent=2))


async def measure(
    server: Server, rooms: list[Room], bad: list[Room], options: argparse.Namespace
) -> dict[str, Any]:
    crowd = Crowd(Good(one) for room in rooms for one in room)
    count = round(len(crowd.members) * options.share)
    async with crowd:
        await steady(crowd, options.rate, 5)  # warms up
        before = memory_of(server)
        attackers = await make_ready(count, options)
        alone = await steady(crowd, options.rate, options.seconds)
        async with peak_memory(server) as peak:
            attacking = asyncio.create_task(attackers.communicate(json.dumps(bad).encode()))
            beside = await steady(crowd, options.rate, options.seconds)
            printed, _ = await attacking
        after = memory_of(server)
        lost = await missing_in_the_end(crowd)
    return {
        "alone": alone,
        "beside_the_bad": beside,
        "ratio": {name: round(beside[name] / alone[name], 2) for name in ("p50", "p99")},
        "copies_lost": lost,
        "memory_megabytes": {"before": before, "peak": max(peak), "after": after},
        "bad_connections": json.loads(printed),
    }


async def make_ready(count: int, options: argparse.Namespace) -> asyncio.subprocess.Process:
    """In a process of its own, for which the good ones' clock does not wait; begins when it is told
    whose accounts to use: what its start takes of the machine is no attack."""
    seconds = options.seconds + 5
    arguments = ["-m", "bench.support.attackers", f"--count={count}", f"--seconds={seconds}"]
    if options.only:
        arguments.append(f"--only={options.only}")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def missing_in_the_end(crowd: Crowd) -> int:
    """What was still on its way gets some seconds."""
    for _ in range(20):
        if not (count := missing(crowd)):
            return 0
        await asyncio.sleep(0.5)
    return count


def missing(crowd: Crowd) -> int:
    """Copies of messages that a member of their chat has not had."""
    most: dict[int, int] = {}
    for member in crowd.members:
        for chat_id, seqs in member.seen.items():
            most[chat_id] = max(most.get(chat_id, 0), len(set(seqs)))
    return sum(
        most[c] - len(set(m.seen[c])) for m in crowd.members for c in m.chat_ids if c in most
    )


@asynccontextmanager
async def peak_memory(server: Server) -> AsyncIterator[list[int]]:
    seen = [memory_of(server)]

    async def look() -> None:
        while True:
            seen.append(memory_of(server))
            await asyncio.sleep(0.25)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()


def memory_of(server: Server) -> int:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() // MEGABYTE


if __name__ == "__main__":
    main()
