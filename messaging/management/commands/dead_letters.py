"""Lists, shows, retries and discards what could not be processed."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from messaging.away import DatabaseUnavailableError
from messaging.describing import describe
from messaging.handling.dead_letter_retries import NotOpenError, discard, retry
from messaging.handling.dead_letters import record_of
from messaging.handling.registry import registry
from messaging.management.arguments import positive
from messaging.management.exits import AWAY, ERROR, PARTLY, USAGE, fail, say
from messaging.management.waiting import add_wait, require_database
from messaging.models import DeadLetter, DeadLetterQuerySet
from messaging.signals import shell_operator

MAX_AT_ONCE = 1000


class Command(BaseCommand):
    help = "Lists, shows, retries and discards dead letters. Changes nothing without --execute."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_wait(parser, default=0)
        commands = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = commands.add_parser("list", help="list open ones, or all")
        self._add_choice(listing)
        listing.add_argument("--all", action="store_true", help="also retried and discarded ones")
        listing.add_argument("--json", action="store_true", help="one JSON object per line")
        showing = commands.add_parser("show", help="show one with its bytes, headers and traceback")
        showing.add_argument("id", type=positive)
        for name, aliases, text in (
            ("retry", ["replay"], "retry with the handler that failed, oldest first"),
            ("discard", [], "close without handling"),
        ):
            changing = commands.add_parser(name, aliases=aliases, help=text)
            changing.set_defaults(action=name)
            changing.add_argument("ids", type=positive, nargs="*", metavar="ID")
            self._add_choice(changing)
            changing.add_argument(
                "--execute",
                action="store_true",
                help="do it; without this, only say what would be done",
            )
            if name == "discard":
                changing.add_argument("--reason", default="", help="why; needed with --execute")

    def _add_choice(self, parser: ArgumentParser) -> None:
        parser.add_argument("--topic", help="only from this topic")
        parser.add_argument("--group", help="only from this group")
        parser.add_argument("--handler", help="only from this handler")
        parser.add_argument("--key", help="only with this key: a whole chat, in order")
        parser.add_argument(
            "--limit", type=positive, default=MAX_AT_ONCE, help="at most this many (%(default)s)"
        )

    def handle(self, **options: Any) -> None:
        require_database(options["wait"])
        try:
            getattr(self, f"_{options['action']}")(options)
        except DatabaseUnavailableError as error:
            fail(AWAY, f"The database does not answer ({describe(error)}): see DATABASE_URL.")

    def _list(self, options: dict[str, Any]) -> None:
        letters = DeadLetter.objects.all() if options["all"] else DeadLetter.objects.open()
        rows = [_row(letter) for letter in _chosen(letters, options)]
        if options["json"]:
            for row in rows:
                self.stdout.write(json.dumps(row))
            return
        if not rows:
            say("No dead letters.")
            return
        self.stdout.write(_table(rows))

    def _show(self, options: dict[str, Any]) -> None:
        letter = DeadLetter.objects.filter(pk=options["id"]).first()
        if letter is None:
            fail(
                ERROR, f"There is no dead letter {options['id']}. See: manage.py dead_letters list"
            )
        record = record_of(letter)
        for name, value in _row(letter).items():
            self.stdout.write(f"{name}: {value}")
        for name, content in record.headers:
            self.stdout.write(f"header {name!r}: {content!r}")
        self.stdout.write(f"record key: {record.key!r}\nvalue: {record.value!r}")
        self.stdout.write(f"reason: {letter.reason}\n{letter.traceback}".rstrip())

    def _retry(self, options: dict[str, Any]) -> None:
        actor = shell_operator()
        self._change(options, "retry", lambda letter_id: retry(letter_id, registry, actor=actor))

    def _discard(self, options: dict[str, Any]) -> None:
        if options["execute"] and not options["reason"].strip():
            fail(USAGE, "Say why: dead_letters discard … --reason TEXT --execute")
        actor = shell_operator()
        self._change(
            options,
            "discard",
            lambda letter_id: discard(letter_id, options["reason"], actor=actor),
        )

    def _change(self, options: dict[str, Any], verb: str, change: Any) -> None:
        ids = list(_named(options).values_list("id", flat=True))
        if missing := set(options["ids"]) - set(ids):
            fail(ERROR, f"Missing, or not open: {', '.join(map(str, sorted(missing)))}")
        if not options["execute"]:
            say(f"Would {verb} {len(ids)} dead letters: {ids[:20]}. Add --execute to do it.")
            return
        failed = 0
        for number, letter_id in enumerate(ids, start=1):
            try:
                change(letter_id)
            except DatabaseUnavailableError:
                raise
            except NotOpenError as error:
                say(f"{error}.")
            except Exception as error:  # noqa: BLE001  one that fails does not stop the others
                failed += 1
                say(f"Dead letter {letter_id} stays open: {describe(error)}")
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{number} of {len(ids)}")
        say(f"{verb.capitalize()}: {len(ids) - failed} of {len(ids)}.")
        if failed:
            raise SystemExit(PARTLY if failed < len(ids) else ERROR)


def _named(options: dict[str, Any]) -> DeadLetterQuerySet:
    """Those that were named, or chosen; never all of them by mistake."""
    chosen_by = ("topic", "group", "handler", "key")
    if not options["ids"] and not any(options[name] for name in chosen_by):
        fail(USAGE, "Which ones? Give ids, or use --topic, --group, --handler or --key.")
    letters = DeadLetter.objects.open()
    if options["ids"]:
        letters = letters.filter(pk__in=options["ids"])
    return _chosen(letters, options)


def _chosen(letters: DeadLetterQuerySet, options: dict[str, Any]) -> DeadLetterQuerySet:
    for name in ("topic", "group", "handler"):
        if options[name]:
            letters = letters.filter(**{name: options[name]})
    if options["key"]:
        letters = letters.filter(record_key=options["key"].encode())
    return letters.order_by("id")[: options["limit"]]


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.pk,
        "status": letter.status,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "group": letter.group,
        "handler": letter.handler,
        "error": letter.error_class,
        "attempts": letter.attempts,
        "event_id": str(letter.event_id) if letter.event_id else None,
        "created_at": letter.created_at.isoformat(timespec="seconds"),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    names = [name for name in rows[0] if name != "event_id"]
    cells = [names] + [["" if row[n] is None else str(row[n]) for n in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )
