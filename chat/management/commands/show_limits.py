"""Shows the limits in force, and writes docs/limits.md."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chat.limits.document import markdown, window_of
from chat.limits.table import TABLE


class Command(BaseCommand):
    help = "Shows the limits in force, as the environment sets them."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--markdown",
            action="store_true",
            help="print the page docs/limits.md, with the defaults",
        )

    def handle(self, **options: Any) -> None:
        if options["markdown"]:
            self.stdout.write(markdown(), ending="")
            return
        for limit in TABLE:
            amount = str(limit.amount) if limit.amount else "off"
            window = window_of(limit)
            what = f"{limit.of} ({limit.per}{', ' if window else ''}{window})"
            self.stdout.write(f"{limit.variable:<42} {amount:>6}  {what}")
