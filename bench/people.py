"""What a crowd that behaves like people costs: python -m bench.people

A web process on PostgreSQL and Redis (all started here, on loopback), and in this process those
who use it. In turn, each with a server of its own: people who write, type, read, look back and
reconnect (bench/support/lively.py); sockets that only listen (bench/support/idle.py); and as many
that all come back at once after a restart, while some go on writing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.support.idle import IdleCrowd
from bench.support.lively import Person
from bench.support.pace import steady
from tests.support.crowd import Crowd, Member, Room, make_rooms, share_more_chats
from tests.support.servers import Server, start_server
from tests.support.services import Postgres, Redis

SIZE, CHATS = 10, 4  # of each person's groups: members, and how many
WRITERS = 20  # while the others come back
# This machine is everybody here; a proxy's address is not counted, whoever else comes by it.
NO_LIMITS: dict[str, str | int] = {
    "LIMIT_FRAMES_PER_SECOND": 0,
    "LIMIT_MESSAGES_PER_MINUTE": 0,
    "LIMIT_PAGES_PER_MINUTE": 0,
    "LIMIT_SOCKETS_OPENED_PER_MINUTE": 0,
    "LIMIT_SOCKETS_PER_ADDRESS": 0,
    "TRUSTED_PROXIES": "127.0.0.1",
}
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Of a process, at one moment."""

    kilobytes: int
    processor_seconds: float
    at: float

    @classmethod
    def of(cls, server: Server) -> Usage:
        process = Path(f"/proc/{server.process.pid}")
        pages = int((process / "statm").read_text().split()[1])
        times = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
        ticks = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
        return cls(pages * resource.getpagesize() // 1024, ticks, time.monotonic())

    def per_minute(self, since: Usage) -> float:
        """Processor seconds."""
        used = self.processor_seconds - since.processor_seconds
        return round(60 * used / (self.at - since.at), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--back", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60, help="of people and of idle sockets")
    parser.add_argument("--every", type=float, default=20, help="seconds between one's messages")
    options = parser.parse_args()
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    figures: Figures = {}
    with Postgres() as postgres, Redis() as redis:
        database = postgres.new_database("bench")
        for part, number in (
            (people, options.people),
            (idle, options.idle),
            (back, options.back),
        ):
            if number:
                with start_server(database, redis.url, **NO_LIMITS) as server:
                    figures[part.__name__] = asyncio.run(bounded(part(server, number, options)))
                    print(part.__name__, figures[part.__name__], file=sys.stderr)
    print(json.dumps(figures, indent=2))


async def bounded(measuring: Any) -> Figures:
    async with asyncio.timeout(600):
        result: Figures = await measuring
    return result


async def people(server: Server, number: int, options: argparse.Namespace) -> Figures:
    members = make_people(server, number)
    async with Crowd(members):
        await live(members, 5, options.every)  # warms up
        for person in members:
            person.reply_seconds.clear()
            person.arrival_seconds.clear()
        before = Usage.of(server)
        await live(members, options.seconds, options.every)
        after = Usage.of(server)
        return {
            "people": number,
            "reply": quantiles(each for m in members for each in m.reply_seconds),
            "arrival": quantiles(each for m in members for each in m.arrival_seconds),
            "processor_seconds_per_minute": after.per_minute(before),
            "receipts": sum(m.receipts for m in members),
            "reconnects": sum(m.reconnects for m in members),
            "errors": sum(len(m.errors) for m in members),
        }


async def live(members: Sequence[Person], seconds: float, every: float) -> None:
    await asyncio.gather(*(m.live(seconds, writes_every=every) for m in members))
    await asyncio.gather(*(m.until(partial(is_answered, m)) for m in members))


def is_answered(member: Member) -> bool:
    return member.on_the_way == 0


def make_people(server: Server, number: int) -> list[Person]:
    made: list[Person] = []
    for room in rooms(server, number):
        chats = share_more_chats(server.database_url, room, more=CHATS - 1)
        made += [Person(one, chats, seed=len(made) + place) for place, one in enumerate(room)]
    return made


async def idle(server: Server, number: int, options: argparse.Namespace) -> Figures:
    warm = IdleCrowd(flat(rooms(server, 100)))
    await warm.open_all()
    await asyncio.sleep(2)
    crowd, before = IdleCrowd(flat(rooms(server, number))), Usage.of(server)
    seconds = await crowd.open_all()
    await asyncio.sleep(30)  # everyone's first heads, and what the welcome left is freed
    opened = Usage.of(server)
    await asyncio.sleep(options.seconds)
    after, lost = Usage.of(server), crowd.lost()
    crowd.close()
    warm.close()
    return {
        "sockets": number,
        "lost": lost,
        "kilobytes_per_socket": round((after.kilobytes - before.kilobytes) / number, 1),
        "processor_seconds_per_minute": after.per_minute(opened),
        "opened_per_second": round(number / seconds[-1]),
        "processor_ms_per_opening": round(
            1000 * (opened.processor_seconds - before.processor_seconds) / number, 2
        ),
    }


async def back(server: Server, number: int, options: argparse.Namespace) -> Figures:
    crowd = IdleCrowd(flat(rooms(server, number)))
    writers = [Member(one) for room in rooms(server, WRITERS) for one in room]
    await crowd.open_all()
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    again = IdleCrowd(crowd.sign_ins)
    async with Crowd(writers) as writing:
        alone = await steady(writing, WRITERS, 5)
        coming = asyncio.create_task(again.open_all(at_once=number))
        took: list[float] = []
        while not coming.done():
            await steady(writing, WRITERS, 1)
            took += [each for m in writers for each in m.reply_seconds]
        seconds = coming.result()
    again.close()
    return {
        "sockets": number,
        "seconds_until_all_are_welcome": round(seconds[-1], 1),
        "half_are_welcome_after": round(seconds[len(seconds) // 2], 1),
        "tries": again.tries,
        "reply_alone": alone,
        "reply_meanwhile": quantiles(took),
    }


def rooms(server: Server, number: int) -> list[Room]:
    """Of so many people in all."""
    count = max(1, number // SIZE)
    return make_rooms(server.database_url, rooms=count, size=SIZE, url=server.ws_url)


def flat(made: Sequence[Room]) -> Room:
    return [one for room in made for one in room]


def quantiles(seconds: Iterable[float]) -> dict[str, float]:
    """In milliseconds."""
    took = sorted(1000 * each for each in seconds)
    if not took:
        return {"count": 0}
    return {
        "count": len(took),
        "p50": round(took[len(took) // 2], 1),
        "p99": round(took[len(took) * 99 // 100], 1),
    }


if __name__ == "__main__":
    main()
