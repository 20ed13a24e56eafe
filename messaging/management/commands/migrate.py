"""Django's own, which waits for the database first."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.commands import migrate

from messaging.management.waiting import add_wait, wait_for_database


class Command(migrate.Command):
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)  # type: ignore[arg-type]
        add_wait(parser)

    def execute(self, *args: Any, **options: Any) -> Any:
        """Before its checks, which ask the database."""
        wait_for_database(options["wait"])
        return super().execute(*args, **options)
