"""How many events a second one run_kafka_consumer handles, all its handlers writing to PostgreSQL.

python -m bench.consumer
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

from bench.support.bus import real_bus

# As many as the product has: audit, activity, notifications, heads.
HANDLERS = ("audit", "activity", "notifications", "heads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--chats", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with real_bus():
        publish(options.events, options.chats)
        print(json.dumps(measure(options)))


def publish(events: int, chats: int) -> None:
    from messaging.bus.configuration import get_adapter
    from messaging.contract.records import OutgoingRecord
    from messaging.contract.validation import encode
    from tests.support.bus_parts import message_event

    def outgoing(chat: int, seq: int) -> OutgoingRecord:
        event = message_event(chat, seq)
        value, headers = encode(event)
        return OutgoingRecord(event.topic, event.key, value, headers)

    for first in range(1, events // chats + 1, 20):
        seqs = range(first, min(first + 20, events // chats + 1))
        records = [outgoing(chat, seq) for seq in seqs for chat in range(1, chats + 1)]
        get_adapter().publish_many(records)


def measure(options: argparse.Namespace) -> dict[str, float]:
    from django.db import connection

    from messaging.bus.configuration import get_adapter
    from messaging.contract.events import Event
    from messaging.handling.consumer import GroupConsumer
    from messaging.handling.dead_letters import DeadLetterBox
    from messaging.handling.group_reader import GroupReader
    from messaging.handling.registry import MAIN_GROUP, Handler, Registry
    from messaging.models import HandledEvent
    from tests.support.bus_parts import TOPIC

    registry = Registry()
    with connection.cursor() as cursor:
        for name in HANDLERS:
            cursor.execute(
                f"CREATE TABLE bench_{name} (id bigserial PRIMARY KEY, event_id uuid, chat bigint,"
                " seq bigint, content text)"
            )

    def writer(name: str):
        def write(events: Sequence[Event]) -> None:
            values = "(%s, %s, %s, %s), " * len(events)
            arguments: list[Any] = []
            for event in events:
                payload = event.payload
                arguments += [event.event_id, event.key, payload["seq"], payload["content"]]
            with connection.cursor() as cursor:
                cursor.execute(
                    f"INSERT INTO bench_{name} (event_id, chat, seq, content) VALUES {values[:-2]}",
                    arguments,
                )

        return write

    for name in HANDLERS:
        registry.add(Handler(topic=TOPIC, name=name, function=writer(name)))
    adapter = get_adapter()
    reader = GroupReader(lambda: adapter.open_source(group_id=MAIN_GROUP, topics=[TOPIC]))
    consumer = GroupConsumer(
        reader,
        registry,
        MAIN_GROUP,
        DeadLetterBox(MAIN_GROUP, adapter),
        batch_size=options.batch_size,
        max_records=options.events // options.chats * options.chats,
    )
    started, processor = time.perf_counter(), time.process_time()
    if options.profile:
        import cProfile

        cProfile.runctx("consumer.run()", {}, {"consumer": consumer}, sort="tottime")
    else:
        consumer.run()
    taken, used = time.perf_counter() - started, time.process_time() - processor
    return {
        "events": consumer.counts.records,
        "handled": HandledEvent.objects.count(),
        "batches": consumer.counts.batches,
        "handled_per_second": round(consumer.counts.records / taken),
        "seconds": round(taken, 2),
        # What a quiet core could do: others may have used this machine meanwhile.
        "handled_per_processor_second": round(consumer.counts.records / used),
    }


if __name__ == "__main__":
    main()
