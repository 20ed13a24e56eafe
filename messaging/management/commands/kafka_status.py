"""One view of the bus: outbox, relay, each group's lag, dead letters."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from messaging.bus.configuration import close_adapter, get_adapter, is_embedded
from messaging.describing import describe
from messaging.handling.registry import registry
from messaging.management.arguments import seconds
from messaging.management.exits import AWAY, UNHEALTHY, fail
from messaging.management.waiting import add_wait, require_database
from messaging.operating.groups import GroupFigures, names_of_group
from messaging.operating.processes import ProcessFigures
from messaging.operating.status import (
    BusFigures,
    problems_of,
    read_figures,
    warnings_of,
    with_kafka,
)
from messaging.outbox.shards import SHARDS


class Command(BaseCommand):
    help = "Shows the state of the bus. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="exit with 3 when something is stuck"
        )
        parser.add_argument("--json", action="store_true", help="JSON for programs; stable names")
        parser.add_argument(
            "--watch",
            nargs="?",
            const=2.0,
            type=seconds,
            metavar="SECONDS",
            help="repeat every N seconds (%(const)s), until Ctrl+C",
        )
        add_wait(parser, default=0)

    def handle(self, **options: Any) -> None:
        require_database(options["wait"])
        try:
            figures = self._show(options["json"])
            while options["watch"]:
                time.sleep(options["watch"])
                figures = self._show(options["json"])
        except DatabaseError as error:
            fail(AWAY, f"The database does not answer ({describe(error)}): see DATABASE_URL.")
        except KeyboardInterrupt:
            return
        finally:
            close_adapter(timeout_seconds=1.0)
        if options["check"] and problems_of(figures):
            raise SystemExit(UNHEALTHY)

    def _show(self, as_json: bool) -> BusFigures:
        figures = read_figures()
        if not is_embedded():
            figures = with_kafka(figures, get_adapter(), registry)
        text = json.dumps(figures.as_json()) if as_json else as_table(figures)
        self.stdout.write(text)
        self.stdout.flush()
        return figures


def as_table(figures: BusFigures) -> str:
    rows = [
        ("bus", figures.bus),
        (
            "outbox waiting",
            f"{figures.outbox_waiting} (oldest {figures.outbox_oldest_seconds:g} s)",
        ),
        ("outbox set aside", str(figures.outbox_set_aside)),
        ("dead letters", str(figures.dead_letters)),
        *relay_rows(figures),
        *consumer_rows(figures),
        *((f"lag {names_of_group(group.group)}", lag_of(group)) for group in figures.groups),
    ]
    rows += [("PROBLEM", text) for text in problems_of(figures)]
    rows += [("to do", text) for text in warnings_of(figures)]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def lag_of(group: GroupFigures) -> str:
    if group.error:
        return "not known"
    idle = "; it has nothing to do" if group.is_idle else ""
    return f"{group.lag_records} records, {group.lag_seconds:g} s{idle}"


def consumer_rows(figures: BusFigures) -> list[tuple[str, str]]:
    return [
        (
            f"consumer {names_of_group(each.group)}",
            f"{process(each)}, {each.partitions} partitions",
        )
        for each in figures.consumers
    ]


def process(figures: ProcessFigures) -> str:
    version = f" ({figures.version})" if figures.version else ""
    return (
        f"{figures.host}:{figures.pid}{version}, seen {figures.seen_seconds_ago:g} s ago,"
        f" {figures.per_minute:g} a minute"
    )


def relay_rows(figures: BusFigures) -> list[tuple[str, str]]:
    """One for each relay that works; without any, the last that did."""
    relays = figures.relays or [relay for relay in [figures.relay] if relay]
    breakers = sorted({relay.breaker for relay in relays})
    rows = [
        (
            "relay",
            f"{process(relay)}, {relay.shards} of {SHARDS} shards",
        )
        for relay in relays
    ]
    return [*(rows or [("relay", "none yet")]), ("breaker", ", ".join(breakers) or "unknown")]
