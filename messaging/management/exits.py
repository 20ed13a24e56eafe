"""How the bus's commands end and are ended: exit codes, signals, first words to an operator."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from django.conf import settings
from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError

from messaging.bus.configuration import is_embedded
from messaging.models import HandledEvent

logger = logging.getLogger(__name__)

ERROR, USAGE, UNHEALTHY, PARTLY, AWAY, INTERRUPTED = 1, 2, 3, 4, 69, 130


@contextmanager
def stopped_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """SIGTERM or Ctrl+C: the first one calls `stop`, the second ends the process at once."""
    seen = 0

    def receive(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            os.write(2, b"Stopped at once; what was not finished comes again.\n")
            os._exit(INTERRUPTED)
        os.write(2, b"Stopping when the batch is finished; signal again to stop at once.\n")
        stop()

    with _received_by(receive):
        yield


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM or Ctrl+C while nothing has begun that would have to be finished: the end, with 130
    and without a traceback. What has begun goes into a `stopped_by_signals` within.

    Nothing is raised: an exception out of a handler comes wherever the code happens to be, and in
    the middle of a lock's release it becomes another one.
    """

    def receive(_number: int, _frame: FrameType | None) -> None:
        os._exit(INTERRUPTED)

    with _received_by(receive):
        yield


@contextmanager
def _received_by(receive: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, receive) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def fail(code: int, text: str) -> NoReturn:
    raise CommandError(text, returncode=code)


def require_kafka(what: str) -> None:
    """Refuses in embedded mode, where the web process does this work itself."""
    if is_embedded():
        fail(
            USAGE,
            f"The bus is embedded: the web process itself does the work of {what}, and a second"
            " process has nothing to read. Nothing more needs to run. To use Kafka, set"
            " KAFKA_BROKERS=host:port (or MESSAGE_BUS=kafka) for the web process and for this one.",
        )


def require_tables() -> None:
    try:
        HandledEvent.objects.exists()
    except OperationalError as error:
        if "no such table" not in str(error):
            fail(AWAY, f"The database does not answer ({type(error).__name__}): see DATABASE_URL.")
        fail(ERROR, "The tables do not exist yet. Create them with: manage.py migrate")
    except DatabaseError:
        fail(ERROR, "The tables do not exist yet. Create them with: manage.py migrate")


def brokers() -> str:
    return ", ".join(settings.KAFKA.brokers)


def kafka_is_away() -> str:
    """What an operator can do about it."""
    return (
        f"Kafka does not answer at {brokers()}. Start it with: docker compose up -d kafka"
        " (or correct KAFKA_BROKERS), or run without Kafka: MESSAGE_BUS=embedded script/server"
    )


def say(text: str) -> None:
    """To the operator: stderr, so that stdout holds data only."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
