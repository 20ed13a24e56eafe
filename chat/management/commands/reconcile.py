"""Says what is damaged, by kind, chat and message; with --repair puts right what it can."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from chat.upkeep.reconciling.checks import CHECKS
from chat.upkeep.reconciling.damage import KINDS, Damage
from chat.upkeep.reconciling.repairing import Todo, repair
from chat.upkeep.reconciling.snapshot import Scope, index_outbox, snapshot
from chat.upkeep.reconciling.topic_check import check_lost, check_strangers, index_topics
from messaging.away import DatabaseUnavailableError
from messaging.bus.configuration import close_adapter, get_adapter
from messaging.describing import describe
from messaging.errors import ConfigurationError, RetryableError
from messaging.management.arguments import moment, positive, seconds
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
from messaging.management.waiting import add_wait, require_database, wait_for_kafka
from messaging.models import LostRecords
from messaging.signals import shell_operator

SHOWN_OF_A_KIND = 20
GRACE_SECONDS = 60.0


class Command(BaseCommand):
    help = (
        "Compares the messages with the outbox, handled events, audit log and counts, while"
        " people write. Exits with 0 when nothing is damaged or everything was repaired, 3 when"
        " something is damaged, 4 when only part of it was repaired. Changes nothing without"
        " --repair."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--repair", action="store_true", help="repair what can be repaired")
        parser.add_argument(
            "--topic", action="store_true", help="also read the topics, from the beginning"
        )
        parser.add_argument("--chat", type=positive, metavar="ID", help="only this chat")
        parser.add_argument(
            "--since", type=moment, metavar="TIME", help="ISO 8601; only messages after this time"
        )
        parser.add_argument(
            "--grace-seconds",
            type=seconds,
            default=GRACE_SECONDS,
            help="ignore events younger than this: they may still be on their way to the handlers"
            " (%(default)g)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object per line")
        add_wait(parser)

    def handle(self, **options: Any) -> None:
        if options["topic"]:
            require_kafka("reconcile --topic")
        require_database(options["wait"])
        self._found: Counter[str] = Counter()
        self._as_json = bool(options["json"])
        try:
            if options["topic"]:
                wait_for_kafka(get_adapter(), options["wait"])
            left = self._reconcile(options)
        except ConfigurationError as error:
            fail(ERROR, f"Kafka at {brokers()} refuses: {error}")
        except DatabaseUnavailableError as error:
            fail(AWAY, f"The database does not answer ({describe(error)}): see DATABASE_URL.")
        except RetryableError as error:
            fail(AWAY, f"{kafka_is_away()} ({describe(error)})")
        finally:
            close_adapter(timeout_seconds=1.0)
        if left:
            raise SystemExit(PARTLY if left < self._found.total() else UNHEALTHY)

    def _reconcile(self, options: dict[str, Any]) -> int:
        """How much damage is left."""
        scope = Scope(options["chat"], options["since"])
        grace = timedelta(seconds=options["grace_seconds"])
        todo = Todo()
        known = LostRecords.objects.open().ids()
        with snapshot():
            count = index_outbox(scope, lambda done: progress("events", done))
            for check in CHECKS:
                self._tell(check(scope, grace), todo)
        if options["topic"]:
            adapter = get_adapter()
            beginnings = index_topics(adapter, lambda done: progress("records", done))
            with snapshot():
                self._tell(check_lost(beginnings), todo)
                self._tell(check_strangers(scope, grace), todo)
        repaired = self._repair(todo) if options["repair"] else 0
        self._sum_up(count, repaired)
        left = self._found.total() - repaired
        if options["repair"] and not left and scope == Scope(None, None):
            settle_lost(known)
        return left

    def _tell(self, damages: Iterable[Damage], todo: Todo) -> None:
        for damage in damages:
            self._found[damage.code] += 1
            if damage.is_repairable:
                todo.add(damage)
            if self._as_json:
                self.stdout.write(json.dumps(damage.as_json()))
            elif self._found[damage.code] <= SHOWN_OF_A_KIND:
                self.stdout.write("\n".join(as_text(damage)))
            elif self._found[damage.code] == SHOWN_OF_A_KIND + 1:
                self.stdout.write(f"{damage.code}: there are more; --json shows them all")

    def _repair(self, todo: Todo) -> int:
        total = 0
        for code, chat_id, count in repair(todo, shell_operator()):
            total += count
            if self._as_json:
                self.stdout.write(json.dumps({"repaired": code, "chat": chat_id, "count": count}))
        return total

    def _sum_up(self, events: int, repaired: int) -> None:
        if self._as_json:
            summary = {"events": events, "found": dict(self._found), "repaired_in_all": repaired}
            self.stdout.write(json.dumps(summary))
            return
        if not self._found:
            say(f"Nothing is damaged; {events} outbox events were checked.")
            return
        kinds = ", ".join(f"{code} {count}" for code, count in sorted(self._found.items()))
        say(f"Damaged: {kinds}. Repaired: {repaired} of {self._found.total()}.")
        if not repaired and any(KINDS[code].is_repairable for code in self._found):
            say("Add --repair to repair what can be repaired.")


def settle_lost(ids: list[int]) -> None:
    """What the bus had removed when this began: all of its events have been looked for."""
    if count := LostRecords.objects.filter(pk__in=ids).settle():
        say(f"Settled: {count} ranges of records that Kafka had removed unread.")


def as_text(damage: Damage) -> Iterator[str]:
    where = "" if damage.chat_id is None else f"chat {damage.chat_id}"
    if damage.seq is not None:
        where += f" seq {damage.seq}"
    yield f"{damage.code}  {where}: {damage.sentence}".replace("  :", ":")
    yield f"    {'--repair' if damage.is_repairable else 'to do'}: {damage.repair}"


def progress(what: str, done: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} {what} ")
        sys.stderr.flush()
