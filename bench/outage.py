"""What people notice of a Kafka that is away: python -m bench.outage

A web process on PostgreSQL, Redis and Kafka (all started here), 40 people in 10 chats at a steady
rate; Kafka is killed for a while in the middle. Prints how long replies took before, meanwhile and
afterwards, in milliseconds, and how long the outbox took to drain.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import psycopg

from bench.support.pace import steady
from tests.support.crowd import Crowd, Member, make_rooms
from tests.support.processes import wait_until
from tests.support.servers import environment, manage, start_server
from tests.support.services import Kafka, Postgres, Redis

ROOMS, SIZE = 10, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=100, help="messages a second")
    parser.add_argument("--seconds", type=float, default=30, help="without Kafka")
    options = parser.parse_args()
    with Postgres() as postgres, Redis() as redis, Kafka() as kafka:
        settings: dict[str, str | int] = {
            "KAFKA_BROKERS": kafka.brokers,
            "MESSAGE_BUS": "kafka",
            "LIMIT_FRAMES_PER_SECOND": 0,
            "LIMIT_MESSAGES_PER_MINUTE": 0,
        }
        database = postgres.new_database("bench")
        with start_server(database, redis.url, **settings) as server:
            manage("kafka_topics", "--ensure", env=environment(database, redis.url, **settings))
            rooms = make_rooms(database, rooms=ROOMS, size=SIZE, url=server.ws_url)
            crowd = Crowd(Member(one) for room in rooms for one in room)
            print(json.dumps(asyncio.run(measure(crowd, kafka, database, options))))


async def measure(
    crowd: Crowd, kafka: Kafka, database: str, options: argparse.Namespace
) -> dict[str, object]:
    async with crowd:
        await steady(crowd, options.rate, 3)  # warms up
        figures: dict[str, object] = {"before": await steady(crowd, options.rate, 10)}
        await asyncio.to_thread(kafka.kill)
        figures["without_kafka"] = await steady(crowd, options.rate, options.seconds)
        waiting = unpublished(database)
        starting = asyncio.create_task(asyncio.to_thread(kafka.start))
        figures["afterwards"] = await steady(crowd, options.rate, 10)
        await starting
        began = time.monotonic()
        await asyncio.to_thread(
            wait_until, lambda: not unpublished(database), seconds=60, what="an empty outbox"
        )
        figures |= {"waited_in_outbox": waiting, "drained_after": time.monotonic() - began}
        return figures


def unpublished(database: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT count(*) FROM messaging_outboxevent WHERE status = 0"
        ).fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    main()
