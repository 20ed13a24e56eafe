"""Commands may be started in any order: they wait for what they need, and say so on stderr."""

from __future__ import annotations

import re
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from messaging.bus.base_adapter import BusAdapter
from messaging.describing import clean
from messaging.errors import ConfigurationError, PermanentError, RetryableError
from messaging.management.arguments import seconds_or_none
from messaging.management.exits import (
    AWAY,
    ERROR,
    brokers,
    ended_by_signals,
    fail,
    require_tables,
    say,
)

PAUSE_SECONDS: Final = 0.5
TELL_EVERY_SECONDS: Final = 10.0
# How long one look may take: the first is short, so that an operator soon hears what is missing.
FIRST_LOOK_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 10.0
# libpq gives no SQLSTATE for a connection that was refused, only words.
REFUSALS: Final = re.compile(
    r"authentication failed|no password supplied|pg_hba\.conf|does not support SSL"
    r"|(role|database) \".*\" does not exist"
)


@dataclass(frozen=True, slots=True)
class Needed:
    """`why_not(seconds)`: None when it answers within so many seconds, else what is wrong and what
    an operator can do. It ends the command when waiting is of no use."""

    name: str
    why_not: Callable[[float], str | None]


def add_wait(parser: ArgumentParser, *, default: float | None = None) -> None:
    """`--wait SECONDS`; by default as long as WAIT_FOR_SERVICES_SECONDS says."""
    usual = settings.WAIT_FOR_SERVICES_SECONDS if default is None else default
    parser.add_argument(
        "--wait",
        type=seconds_or_none,
        default=usual,
        metavar="SECONDS",
        help="how long to wait for PostgreSQL, and for Kafka where it is needed, at the start"
        " (%(default)g); 0: not at all",
    )


def require_database(wait_seconds: float) -> None:
    """Ends the command unless the database answers in time and has its tables."""
    wait_for_database(wait_seconds)
    require_tables()


def wait_for_database(seconds: float) -> None:
    """A file (SQLite) is there or is not: nothing to wait for."""
    if connection.vendor == "postgresql":
        wait_for(Needed("PostgreSQL", _why_no_database), seconds)


def wait_for_kafka(adapter: BusAdapter, seconds: float) -> None:
    wait_for(Needed("Kafka", lambda patience: _why_no_kafka(adapter, patience)), seconds)


def wait_for(
    needed: Needed,
    seconds: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Returns once it answers. After `seconds` the command ends with 69; told to stop, with 130."""
    began_at = clock()
    why = needed.why_not(FIRST_LOOK_SECONDS if seconds else LOOK_SECONDS)
    if why is None:
        return
    if seconds:
        say(f"{why} Waiting for up to {seconds:g} s.")
        with ended_by_signals():
            why = _look_again(needed, began_at, seconds, why, clock, sleep)
    if why is not None:
        fail(AWAY, why)
    say(f"{needed.name} answers after {clock() - began_at:.0f} s.")


def _look_again(
    needed: Needed,
    began_at: float,
    seconds: float,
    why: str | None,
    clock: Callable[[], float],
    sleep: Callable[[float], object],
) -> str | None:
    tell_at = TELL_EVERY_SECONDS
    while why is not None and (waited := clock() - began_at) < seconds:
        if waited >= tell_at:
            say(f"Still waiting for {needed.name}: {waited:.0f} of {seconds:g} s.")
            tell_at = waited + TELL_EVERY_SECONDS
        sleep(min(PAUSE_SECONDS, seconds - waited))
        why = needed.why_not(min(LOOK_SECONDS, max(seconds - waited, 1.0)))
    return why


def _why_no_database(_seconds: float) -> str | None:
    """Within the connection's own `connect_timeout`."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (OperationalError, InterfaceError) as error:
        connection.close()
        reason = _reason_of(error.__cause__ or error)
        place = _place_of_database()
        if REFUSALS.search(reason):
            fail(ERROR, f"PostgreSQL at {place} refuses: {reason}. Correct DATABASE_URL.")
        return (
            f"The database does not answer at {place} ({reason})."
            " Start it with: docker compose up -d postgres (or correct DATABASE_URL)."
        )
    return None


def _why_no_kafka(adapter: BusAdapter, seconds: float) -> str | None:
    try:
        adapter.ping(timeout_seconds=seconds)
    except (ConfigurationError, PermanentError) as error:
        fail(ERROR, f"Kafka at {brokers()} refuses: {error}")
    except RetryableError as error:
        return str(error)
    return None


def _reason_of(error: BaseException) -> str:
    """Words of libpq or the server about the connection; nothing that people wrote."""
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return clean(first.rsplit("failed: ", 1)[-1].removeprefix("FATAL:").strip(), longest=200)


def _place_of_database() -> str:
    given = connection.settings_dict
    return f"{given['HOST'] or 'its Unix socket'}:{given['PORT'] or 5432}"
