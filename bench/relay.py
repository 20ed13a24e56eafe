"""How many records a second one relay takes from PostgreSQL to Kafka: python -m bench.relay"""

from __future__ import annotations

import argparse
import json
import threading
import time

from bench.support.bus import real_bus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--chats", type=int, default=50)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    with real_bus():
        print(json.dumps(measure(options.events, options.chats, profile=options.profile)))


def measure(events: int, chats: int, *, profile: bool) -> dict[str, float]:
    from messaging.bus.configuration import get_adapter
    from messaging.models import OutboxEvent
    from messaging.outbox.relay import Relay
    from messaging.outbox.relay_lock import make_lock
    from messaging.outbox.target import KafkaTarget
    from tests.support.bus_parts import message_event, record

    started = time.perf_counter()
    for seq in range(1, events // chats + 1):
        record(*(message_event(chat, seq) for chat in range(1, chats + 1)))
    recorded = time.perf_counter() - started

    get_adapter().connect()
    relay = Relay(KafkaTarget(get_adapter()), make_lock())
    if profile:
        return profiled(relay)
    thread = threading.Thread(target=relay.run)
    started, processor = time.perf_counter(), time.process_time()
    thread.start()
    while OutboxEvent.objects.waiting().exists():
        time.sleep(0.05)
    taken, used = time.perf_counter() - started, time.process_time() - processor
    relay.stop()
    thread.join()
    count = OutboxEvent.objects.filter(status=OutboxEvent.Status.PUBLISHED).count()
    return {
        "events": count,
        "recorded_per_second": round(count / recorded),
        "relayed_per_second": round(count / taken),
        "seconds": round(taken, 2),
        # What a quiet core could do: others may have used this machine meanwhile.
        "relayed_per_processor_second": round(count / used),
    }


def profiled(relay) -> dict[str, float]:
    import cProfile

    profiler = cProfile.Profile()
    profiler.enable()
    while relay.run_round():
        pass
    profiler.disable()
    profiler.print_stats("tottime")
    return {}


if __name__ == "__main__":
    main()
