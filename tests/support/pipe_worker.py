"""One process of the pipe under test: the real commands, with handlers whose effects are rows.

python -m tests.support.pipe_worker relay|consumer|write|… ; the environment says which topic and
group, and at which point the process kills itself (SIGKILL, as a power cut would).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import django

TOPIC = os.environ["TEST_TOPIC"]
GROUP = os.environ["TEST_GROUP"]
DIES_AT = os.environ.get("TEST_DIES_AT", "")
HANDLERS = ("first", "second")


def main(arguments: Sequence[str]) -> None:
    django.setup()
    from tests.support.bus_parts import know_topic

    know_topic(TOPIC)
    register_handlers()
    arrange_death()
    what, *options = arguments
    run: dict[str, Callable[[list[str]], None]] = {
        "relay": lambda given: command("run_outbox_relay", *given),
        "consumer": lambda given: command("run_kafka_consumer", "--group", GROUP, *given),
        "write": write,
        "embedded": embedded,
    }
    run.get(what, lambda given: command(what, *given))(options)


def command(name: str, *options: str) -> None:
    """As manage.py runs it, exit codes included."""
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", name, "--skip-checks", *options])


def write(options: list[str]) -> None:
    """write CHATS FIRST LAST: one transaction for each seq; prints the slowest one's seconds."""
    from tests.support.bus_parts import message_event, record

    chats, first, last = map(int, options)
    slowest = 0.0
    for seq in range(first, last + 1):
        before = time.perf_counter()
        record(*(message_event(chat, seq, topic=TOPIC) for chat in range(1, chats + 1)))
        slowest = max(slowest, time.perf_counter() - before)
    print(f"{slowest:.4f}", flush=True)  # noqa: T201


def embedded(options: list[str]) -> None:
    """embedded CHATS LAST: as a web process, writes and hands on, until everything is handled."""
    from django.db import connection

    from messaging.handling import background
    from messaging.models import OutboxEvent
    from tests.support.bus_parts import Effects, message_event, record
    from tests.support.processes import wait_until

    command("migrate", "--verbosity", "0")
    Effects.make_table()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS test_fault (chat text, seq integer, error text)")
    background.ensure_started()
    chats, last = map(int, options)
    for seq in range(1, last + 1):
        # The chat's own handlers run, too: they know messages by numbers.
        record(
            *(
                message_event(chat, seq, topic=TOPIC, messageId=str(1000 * chat + seq))
                for chat in range(1, chats + 1)
            )
        )
    wait_until(lambda: not OutboxEvent.objects.waiting().exists(), seconds=60)
    background.stop(10)


def register_handlers() -> None:
    from messaging.handling.registry import Handler, registry
    from tests.support.bus_parts import Effects

    def register(name: str) -> None:
        def handle(events: Sequence[Any]) -> None:
            Effects.write(name, events)
            if f"handler {name}" == DIES_AT:
                os.kill(os.getpid(), signal.SIGKILL)
            if name == "second":
                fail_as_told(events)

        registry.add(Handler(topic=TOPIC, name=name, group=GROUP, function=handle))

    for name in HANDLERS:
        register(name)


def fail_as_told(events: Sequence[Any]) -> None:
    """The table test_fault says for which message, with what."""
    from django.db import connection

    from messaging.errors import RetryableError

    with connection.cursor() as cursor:
        cursor.execute("SELECT chat, seq, error FROM test_fault")
        faults = {(chat, seq): error for chat, seq, error in cursor.fetchall()}
    for event in events:
        error = faults.get((event.key, event.payload["seq"])) or faults.get(("*", 0))
        if error == "away":
            raise RetryableError("what it needs is away")
        if error:
            raise ValueError(error)


def arrange_death() -> None:
    from messaging.handling.consumer import GroupConsumer
    from messaging.handling.group_reader import GroupReader
    from messaging.outbox import relay
    from messaging.outbox.target import KafkaTarget

    def die(*_given: Any, **_named: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    points: dict[str, Callable[[], None]] = {
        "relay after reading": lambda: setattr(KafkaTarget, "deliver", die),
        "relay after sending": lambda: setattr(relay, "mark_published", die),
        "consumer after polling": lambda: setattr(GroupConsumer, "_work_off", die),
        "consumer after its transaction": lambda: setattr(GroupReader, "commit", die_with(die)),
    }
    if DIES_AT in points:
        points[DIES_AT]()


def die_with(die: Callable[..., None]) -> Callable[..., None]:
    """Only where there is something to commit."""

    def commit(_reader: Any, next_offsets: dict[Any, int]) -> None:
        if next_offsets:
            die()

    return commit


if __name__ == "__main__":
    main(sys.argv[1:])
