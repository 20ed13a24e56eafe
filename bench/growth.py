"""What grows slower as the past grows longer: python -m bench.growth

Two databases on a PostgreSQL of its own (started here, on loopback), one with few messages and one
with many, and everything else in proportion (bench/support/filling.py). Times what people and
operators do, on both in turn, and prints medians in milliseconds and their ratio.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bench.support.filling import Size, fill
from tests.support.services import Postgres

# Both databases in turn, so often: what else the machine does then falls upon both alike.
ROUNDS = 5
WARM, TIMES = 2, 5  # of a round
GOAL = 1.5
Figures = dict[str, dict[str, float]]


class LargePostgres(Postgres):
    """With the memory that such a database would be given."""

    def command(self) -> Sequence[str | Path]:
        options = (
            "shared_buffers=3GB",
            "maintenance_work_mem=1GB",
            "max_wal_size=8GB",
            "wal_level=minimal",
            "max_wal_senders=0",
            "autovacuum=off",  # filling.py does its work; nothing shall run beside the clock
        )
        return [*super().command(), *(part for option in options for part in ("-c", option))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000_000)
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--only", default="", help="what has this in its name")
    parser.add_argument("--explain", action="store_true", help="the plans of what is too slow")
    options = parser.parse_args()
    with LargePostgres() as postgres:
        postgres.start_seconds = 120
        urls = {"small": postgres.new_database("small"), "large": postgres.new_database("large")}
        set_up_django(urls["small"])
        for name, messages in (("small", options.small), ("large", options.messages)):
            began = time.monotonic()
            make_database(urls[name], Size(messages))
            print(f"{name}: filled in {time.monotonic() - began:.0f} s", file=sys.stderr)
        figures = measure(list(urls), options.only)
        print_table(figures)
        if options.explain:
            explain_slow(figures)
    rounded = {name: {k: round(v, 2) for k, v in row.items()} for name, row in figures.items()}
    print(json.dumps({"small": options.small, "large": options.messages, "figures": rounded}))


def set_up_django(url: str) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "webchat.settings",
        "SECRET_KEY": "for-measuring-only-for-measuring-only-for-measuring-only",
        "DATABASE_URL": url,
        "MESSAGE_BUS": "embedded",
        "LOG_LEVEL": "WARNING",
    }
    import django

    django.setup()


def make_database(url: str, size: Size) -> None:
    from django.core.management import call_command

    use_database(url.rpartition("/")[2])
    call_command("migrate", verbosity=0, skip_checks=True)
    fill(url, size)


def use_database(name: str) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


def measure(names: list[str], only: str) -> Figures:
    """Milliseconds by what was done and database."""
    from bench.support.growing import Actions

    took: dict[str, dict[str, list[float]]] = {}
    for database in names * ROUNDS:
        use_database(database)
        for name, action, before in Actions().all():
            if only in name:
                all_took = took.setdefault(name, {}).setdefault(database, [])
                all_took += milliseconds(action, before)
    figures: Figures = {}
    for name, row in took.items():
        figures[name] = {
            key: round(statistics.median(all_took), 2) for key, all_took in row.items()
        }
        figures[name]["ratio"] = round(figures[name]["large"] / figures[name]["small"], 2)
    return figures


def milliseconds(action: Callable[[], object], before: Callable[[], object]) -> list[float]:
    took = []
    for number in range(WARM + TIMES):
        before()
        began = time.perf_counter()
        action()
        if number >= WARM:
            took.append(1000 * (time.perf_counter() - began))
    return took


def explain_slow(figures: Figures) -> None:
    """Prints every statement of what missed the goal, with its plan."""
    from django.db import connection

    from bench.support.growing import Actions

    use_database("large")
    for name, action, before in Actions().all():
        if name in figures and figures[name]["ratio"] > GOAL:
            before()
            print(f"\n=== {name}", file=sys.stderr)
            with connection.execute_wrapper(explain):
                action()


def explain(
    execute: Callable[..., object], sql: str, params: Any, many: bool, context: dict[str, Any]
) -> object:
    if sql.startswith("SELECT"):
        with psycopg.connect(os.environ["DATABASE_URL"].rpartition("/")[0] + "/large") as aside:
            bound = psycopg.ClientCursor(aside)
            bound.execute("SET statement_timeout = 30000")
            print(sql[:1500], file=sys.stderr)
            try:
                bound.execute(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", params)
                print(*(row[0] for row in bound.fetchall()), sep="\n", file=sys.stderr)
            except psycopg.errors.QueryCanceled as error:
                print(error, file=sys.stderr)
    return execute(sql, params, many, context)


def print_table(figures: Figures) -> None:
    print(f"{'':28} {'small':>9} {'large':>9} {'ratio':>6}", file=sys.stderr)
    for name, row in figures.items():
        mark = "  <" if row["ratio"] > GOAL else ""
        print(
            f"{name:28} {row['small']:9.2f} {row['large']:9.2f} {row['ratio']:6.2f}{mark}",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
