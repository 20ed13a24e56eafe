"""Brings a restored database up to what the topics tell."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from chat.upkeep.catching_up import NO_CHAT, TAKEN, catch_up
from messaging.away import DatabaseUnavailableError
from messaging.bus.configuration import close_adapter, get_adapter
from messaging.describing import describe
from messaging.errors import ConfigurationError, RetryableError
from messaging.management.exits import (
    AWAY,
    ERROR,
    PARTLY,
    UNHEALTHY,
    brokers,
    fail,
    kafka_is_away,
    require_kafka,
    say,
)
from messaging.management.long_queries import allow_long_queries
from messaging.management.waiting import add_wait, require_database
from messaging.signals import shell_operator


class Command(BaseCommand):
    help = (
        "After a backup was restored: writes messages back that the topics tell of and this"
        " database does not have, so that no number is given twice. Changes nothing without"
        " --execute. Run it before anything else is started."
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
        require_kafka("catch_up_with_topics")
        require_database(options["wait"])
        counts = self._catch_up(execute=options["execute"])
        if options["json"]:
            self.stdout.write(json.dumps({"is_executed": options["execute"], "events": counts}))
        for outcome, count in sorted(counts.items()):
            if not options["json"]:
                self.stdout.write(f"{count:>10}  {outcome}")
        if not counts:
            say("The topics tell of nothing that this database does not know.")
        elif not options["execute"]:
            say("So it would be. Add --execute to do it.")
            raise SystemExit(UNHEALTHY)
        elif counts[TAKEN] or counts[NO_CHAT]:
            say("Some could not be written back: see admin, Outbox, cancelled.")
            raise SystemExit(PARTLY)

    def _catch_up(self, *, execute: bool) -> Counter[str]:
        counts: Counter[str] = Counter()
        try:
            allow_long_queries()
            adapter = get_adapter()
            adapter.ping()
            for part in catch_up(adapter, shell_operator(), execute=execute):
                counts += part
        except ConfigurationError as error:
            fail(ERROR, f"Kafka at {brokers()} refuses: {error}")
        except DatabaseUnavailableError as error:
            fail(AWAY, f"The database does not answer ({describe(error)}): see DATABASE_URL.")
        except RetryableError as error:
            fail(AWAY, f"{kafka_is_away()} ({describe(error)})")
        finally:
            close_adapter(timeout_seconds=1.0)
        return counts
