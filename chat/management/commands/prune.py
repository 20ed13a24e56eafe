"""Removes expired rows."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from chat.upkeep.pruning import KINDS, Kind, StrayFiles
from messaging.away import DatabaseUnavailableError
from messaging.describing import describe
from messaging.management.exits import AWAY, fail, say
from messaging.management.long_queries import allow_long_queries
from messaging.management.waiting import add_wait, require_database


class Command(BaseCommand):
    help = (
        "Removes rows older than settings.KEPT_DAYS allows, in small steps, while the chat runs."
        " Changes nothing without --execute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--execute",
            action="store_true",
            help="do it; without this, only say what would be done",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object")
        add_wait(parser)

    def handle(self, **options: Any) -> None:
        require_database(options["wait"])
        execute = options["execute"]
        try:
            allow_long_queries()
            counts = {kind.name: self._prune(kind, execute=execute) for kind in KINDS}
        except DatabaseUnavailableError as error:
            fail(AWAY, f"The database does not answer ({describe(error)}): see DATABASE_URL.")
        if options["json"]:
            self.stdout.write(json.dumps({"is_executed": execute, "rows": counts}))
            return
        for kind in KINDS:
            kept = settings.KEPT_DAYS[kind.name]
            self.stdout.write(f"{counts[kind.name]:>10}  {kind.title} (kept for {kept} days)")
        say("Removed." if execute else "Would be removed. Add --execute to do it.")

    def _prune(self, kind: Kind | StrayFiles, *, execute: bool) -> int:
        now = timezone.now()
        if not execute:
            return kind.count(now)
        gone = 0
        for gone in kind.prune(now):
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{gone} {kind.title}\r")
        return gone
