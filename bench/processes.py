"""What processes that have little to do cost beside a busy one: python -m bench.processes

Web processes on one PostgreSQL and one Redis (all started here, on loopback; the relay is somebody
else's, and there is no Kafka). People write, type and read on the first (bench/support/lively.py);
the others have no sockets, and in a second run a few each, of people in other chats, who only
listen. The figure is each one's processor time as a share of the busy one's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.people import NO_LIMITS, Figures, Usage, bounded, flat, live, make_people, rooms
from bench.support.idle import IdleCrowd
from bench.support.pace import steady
from tests.support.crowd import Crowd, Member, share_more_chats
from tests.support.servers import Server, start_server
from tests.support.services import Postgres, Redis

SETTINGS: dict[str, str | int] = NO_LIMITS | {
    "MESSAGE_BUS": "kafka",
    "KAFKA_BROKERS": "127.0.0.1:1",
    "RELAY_IN_WEB": "false",
}
STEADY_WRITERS = 50  # in groups of ten
CALM_SECONDS = 20  # until all know each other, and what was opened has settled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=7, help="processes beside the busy one")
    parser.add_argument("--sockets", type=int, default=20, help="of each of them, in the 2nd run")
    parser.add_argument("--chats", type=int, default=4, help="of each group of ten of those people")
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--every", type=float, default=10, help="seconds between one's messages")
    parser.add_argument("--rate", type=float, default=150, help="messages a second besides")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    figures: Figures = {}
    for sockets in (0, options.sockets):
        with processes(1 + options.idle) as servers:
            figures[f"{sockets} sockets"] = asyncio.run(
                bounded(beside(servers, sockets=sockets, options=options))
            )
            print(f"{sockets} sockets", figures[f"{sockets} sockets"], file=sys.stderr)
    print(json.dumps(figures, indent=2))


@contextmanager
def processes(count: int) -> Iterator[list[Server]]:
    with Postgres() as postgres, Redis() as redis, ExitStack() as stack:
        database = postgres.new_database("bench")
        yield [
            stack.enter_context(start_server(database, redis.url, **SETTINGS)) for _ in range(count)
        ]


async def beside(
    servers: Sequence[Server], *, sockets: int, options: argparse.Namespace
) -> Figures:
    busy, *others = servers
    writing = make_people(busy, options.people)
    listening = [listeners(one, sockets, options.chats) for one in others]
    for idle in listening:
        await idle.open_all()
    steadily = Crowd(map(Member, flat(rooms(busy, STEADY_WRITERS))))
    async with Crowd(writing), steadily:
        await asyncio.sleep(CALM_SECONDS)
        calm = await measured(servers, asyncio.sleep(options.seconds))
        load = asyncio.gather(
            live(writing, options.seconds, options.every),
            steady(steadily, options.rate, options.seconds),
        )
        spent = await measured(servers, load)
        replies = sum(len(one.replies) for one in (*writing, *steadily.members))
    lost = sum(idle.lost() for idle in listening)
    for idle in listening:
        idle.close()
    return {
        "busy_processor_seconds": round(spent[0], 2),
        "messages": replies,
        "percent_of_the_busy_one": [round(100 * one / spent[0], 2) for one in spent[1:]],
        "percent_of_a_core_when_all_are_calm": [
            round(100 * one / options.seconds, 2) for one in calm
        ],
        "lost": lost,
    }


def listeners(server: Server, sockets: int, chats: int) -> IdleCrowd:
    made = rooms(server, sockets) if sockets else []
    for room in made:
        share_more_chats(server.database_url, room, more=chats - 1)
    return IdleCrowd(flat(made))


async def measured(servers: Sequence[Server], load: Awaitable[object]) -> list[float]:
    """Processor seconds of each while `load` runs."""
    before = [Usage.of(server).processor_seconds for server in servers]
    await load
    after = [Usage.of(server).processor_seconds for server in servers]
    return [late - early for early, late in zip(before, after, strict=True)]


if __name__ == "__main__":
    main()
