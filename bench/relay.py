"""How many records a second relays take from PostgreSQL to Kafka: python -m bench.relay --relays 2

Each relay is a process of its own. Processor time is the relays' own, from their first round on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from bench.support.bus import real_bus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--chats", type=int, default=50)
    parser.add_argument("--relays", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work()
    with real_bus():
        recorded = record_events(options.events, options.chats)
        figures = profiled() if options.profile else measure(options.relays)
        print(json.dumps({"recorded_per_second": round(options.events / recorded), **figures}))
    return None


def record_events(events: int, chats: int) -> float:
    """The seconds that it took."""
    from tests.support.bus_parts import message_event, record

    started = time.perf_counter()
    for seq in range(1, events // chats + 1):
        record(*(message_event(chat, seq) for chat in range(1, chats + 1)))
    return time.perf_counter() - started


def measure(relays: int) -> dict[str, float]:
    """All are there and have their shares before the first event becomes visible to them."""
    from messaging.models import OutboxEvent

    outbox = OutboxEvent.objects
    outbox.waiting().update(status=OutboxEvent.Status.CANCELLED)
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker()) for _ in range(relays)]
        for worker in workers:
            worker.tell("share")
        wait_for(lambda: have_even_shares(relays))
        for worker in workers:
            worker.tell("count")
        outbox.update(status=OutboxEvent.Status.WAITING)
        started = time.perf_counter()
        wait_for(lambda: not outbox.waiting().exists())
        taken = time.perf_counter() - started
        used = [float(worker.tell("stop")) for worker in workers]
    count = outbox.filter(status=OutboxEvent.Status.PUBLISHED).count()
    return {
        "events": count,
        "relays": relays,
        "relayed_per_second": round(count / taken),
        "seconds": round(taken, 2),
        "processor_microseconds_per_record": round(sum(used) / count * 1e6, 1),
        # What quiet cores could do: others may have used this machine meanwhile.
        "relayed_per_processor_second": round(count / max(used)),
    }


def have_even_shares(relays: int) -> bool:
    from messaging.models import RelayState
    from messaging.outbox.shards import SHARDS, fair_share

    said = sorted(RelayState.objects.values_list("shards", flat=True))
    return said == sorted(fair_share(place, relays) for place in range(relays)) and (
        sum(said) == SHARDS
    )


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.05)


class Worker:
    """A relay's process; it answers each line that it is told with one."""

    def __enter__(self) -> Worker:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.relay", "--work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()

    def tell(self, order: str) -> str:
        assert self._process.stdin
        assert self._process.stdout
        print(order, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()


def work() -> None:
    """Relays from "share" on; at "stop" prints the processor seconds used since "count"."""
    relay = make_relay()
    thread = threading.Thread(target=relay.run)
    used = 0.0
    for line in sys.stdin:
        match line.strip():
            case "share":
                thread.start()
            case "count":
                used = time.process_time()
            case "stop":
                used = time.process_time() - used
                relay.stop()
                thread.join()
        print(used, flush=True)


def make_relay():
    import django

    django.setup()
    from messaging.bus.configuration import get_adapter
    from messaging.outbox.relay import Relay
    from messaging.outbox.relay_share import make_share
    from messaging.outbox.target import KafkaTarget

    get_adapter().connect()
    return Relay(KafkaTarget(get_adapter()), make_share())


def profiled() -> dict[str, float]:
    import cProfile

    relay = make_relay()
    profiler = cProfile.Profile()
    profiler.enable()
    while relay.run_round():
        pass
    profiler.disable()
    profiler.print_stats("tottime")
    return {}


if __name__ == "__main__":
    main()
