"""Says whether the audit log is whole, and where it is not."""

from __future__ import annotations

import json
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand

from chat.audit.chain import Head
from chat.audit.verifying import Damage, Verification
from messaging.away import DatabaseUnavailableError
from messaging.describing import describe
from messaging.management.arguments import positive
from messaging.management.exits import AWAY, UNHEALTHY, fail, say
from messaging.management.long_queries import allow_long_queries
from messaging.management.waiting import add_wait, require_database

MAX_SHOWN = 1000


def head(text: str) -> Head:
    found = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", text)
    if not found:
        raise ArgumentTypeError(f"{text!r} is not PLACE:HASH as audit_verify prints it")
    return Head(int(found[1]), found[2])


class Command(BaseCommand):
    help = (
        "Reads the audit log and says where an entry was changed, removed or inserted. Exit code"
        " 0: intact; 3: damaged."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from", dest="first", type=positive, default=1, metavar="PLACE",
            help="begin at this place and trust everything before it",
        )  # fmt: skip
        parser.add_argument(
            "--expect-head", type=head, action="append", default=[], metavar="PLACE:HASH",
            help="check that a head recorded elsewhere is still there; may be repeated",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="one JSON object")
        add_wait(parser)

    def handle(self, **options: Any) -> None:
        require_database(options["wait"])
        verification = Verification(first=options["first"], tell=_show_progress)
        damages: list[Damage] = []
        found = 0
        try:
            allow_long_queries()
            for damage in verification.damages(options["expect_head"]):
                found += 1
                if len(damages) < MAX_SHOWN:
                    damages.append(damage)
        except DatabaseUnavailableError as error:
            fail(AWAY, f"The database does not answer ({describe(error)}): see DATABASE_URL.")
        self._report(verification, damages, found, as_json=options["json"])
        if found:
            raise SystemExit(UNHEALTHY)

    def _report(
        self, verification: Verification, damages: list[Damage], found: int, *, as_json: bool
    ) -> None:
        place, hash_ = verification.head
        if as_json:
            report = {
                "is_whole": not found,
                "entries": verification.entries,
                "head": {"place": place, "hash": hash_},
                "damages_found": found,
                "damages": [damage.as_json() for damage in damages],
            }
            self.stdout.write(json.dumps(report))
            return
        for damage in damages:
            self.stdout.write(damage.text)
        if found > len(damages):
            self.stdout.write(f"… and {found - len(damages)} more.")
        verdict = f"{found} damages" if found else "whole"
        self.stdout.write(f"{verification.entries} entries: {verdict}. Head {verification.head}")
        if found:
            say("Compare with a backup, and with the topics' records while they are kept.")


def _show_progress(place: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{place} entries read\r")
