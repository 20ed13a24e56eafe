"""Shows one message's way through the system; never its words."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from chat.models import Message
from chat.models.ids import LARGEST_ID
from chat.models.messages import MessageQuerySet
from chat.reads.trace import MessageTrace, read_trace
from messaging.describing import describe
from messaging.management.exits import AWAY, ERROR, USAGE, fail
from messaging.management.waiting import add_wait, require_database
from messaging.operating.tracing import EventTrace

Row = tuple[str, str]


class Command(BaseCommand):
    help = (
        "Traces one message: saved, outbox, topic, handlers, dead letters, delivered, read,"
        " audited. Never shows its text."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "id", metavar="ID", help="a message id, CHAT:SEQ, or a client_message_id (UUID)"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object per message")
        add_wait(parser, default=0)

    def handle(self, **options: Any) -> None:
        require_database(options["wait"])
        try:
            self._show(options["id"], as_json=options["json"])
        except DatabaseError as error:
            fail(AWAY, f"The database does not answer ({describe(error)}): see DATABASE_URL.")

    def _show(self, given: str, *, as_json: bool) -> None:
        found = list(messages_named(given).select_related("chat", "sender").order_by("pk"))
        if not found:
            fail(ERROR, f"There is no message {given}.")
        for place, message in enumerate(found):
            trace = read_trace(message)
            if as_json:
                self.stdout.write(json.dumps(asdict(trace), default=_plain))
            else:
                self.stdout.write(("\n" if place else "") + as_text(trace))


def messages_named(given: str) -> MessageQuerySet:
    """A client_message_id may stand for one in each of several chats."""
    if match := re.fullmatch(r"([0-9]{1,19}):([0-9]{1,19})", given):
        chat_id, seq = (min(int(part), LARGEST_ID) for part in match.groups())
        return Message.objects.filter(chat_id=chat_id, seq=seq)
    if re.fullmatch(r"[0-9]{1,19}", given):
        return Message.objects.filter(pk=min(int(given), LARGEST_ID))
    try:
        return Message.objects.filter(client_message_id=UUID(given))
    except ValueError:
        fail(USAGE, f"{given!r} is not a message id, a CHAT:SEQ like 7:12 or a UUID.")


def as_text(trace: MessageTrace) -> str:
    rows = list(_rows(trace))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}".rstrip() for name, value in rows)


def _rows(trace: MessageTrace) -> Iterator[Row]:
    saved, receipts = trace.saved, trace.receipts
    yield "message", f"{saved.message_id} ({saved.chat_id}:{saved.seq})"
    yield "client_message_id", str(saved.client_message_id)
    yield "sender", f"{saved.sender_name} ({saved.sender_id})"
    yield "saved", f"{_time(saved.created_at)}, now at revision {saved.revision}"
    for name in ("edited", "deleted", "hidden"):
        if moment := getattr(saved, f"{name}_at"):
            yield name, _time(moment)
    yield "published", "yes" if saved.is_published else "not yet"
    for event in trace.events:
        yield from _event_rows(event)
    if not trace.events:
        yield "event", "none left in the outbox, the handled events or the dead letters"
    yield "delivered", f"{receipts.delivered} of {receipts.members}"
    silent = f" ({receipts.not_showing} do not show it)" if receipts.not_showing else ""
    yield "read", f"{receipts.read} of {receipts.members}{silent}"
    for entry in trace.audit:
        actor = f" by {entry.actor_name}" if entry.actor_name else ""
        yield "audit", f"{entry.place}: {entry.action}{actor}, {_time(entry.happened_at)}"
    if not trace.audit:
        yield "audit", "not yet"


def _event_rows(event: EventTrace) -> Iterator[Row]:
    yield "event", f"{event.event_type or 'unknown'} {event.event_id}"
    attempts = f", {_times(event.attempts)}" if event.attempts else ""
    when = event.published_at or event.recorded_at
    yield "  outbox", event.state + attempts + (f", {_time(when)}" if when else "")
    if event.last_error:
        yield "  error", event.last_error
    if event.partition is not None:
        yield "  topic", f"{event.topic}/{event.partition}/{event.offset}"
    for one in event.handlings:
        done = f"{_time(one.handled_at)}, {_times(one.attempts)}" if one.handled_at else "not yet"
        yield f"  {one.group}", f"{one.handler}: {done}"
    for letter in event.letters:
        yield (
            "  dead letter",
            f"{letter.id} of {letter.handler or letter.group}: {letter.error_class},"
            f" {_times(letter.attempts)}, {letter.status}",
        )


def _times(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"


def _time(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="milliseconds")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
