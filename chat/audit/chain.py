"""Seals entries and appends them to the audit log: the only writer of its table.

Note [Seal]: an entry's `hash` is the SHA-256, in lower-case hexadecimal, of a JSON array in UTF-8
without spaces and with nothing escaped that JSON allows as it is:

    ["webchat-audit-1", place, previous_hash, event_id, happened_at, recorded_at, action, actor_id,
     actor_name, chat_id, target_type, target_id, details]

Numbers are numbers or null, all else is a string: the event id with hyphens, times in UTC as
2026-11-23T14:05:00.000000Z, `details` as the text that is in the column. The first entry's
`previous_hash` is 64 zeros. Another form needs another first word, and a verifier that knows both.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.utils import timezone

from chat.models import AuditEntry
from chat.models.audit import HASH_LENGTH
from chat.wire.payloads import timestamp
from messaging import lock_keys

logger = logging.getLogger(__name__)

FORM = "webchat-audit-1"
NOTHING_BEFORE = "0" * HASH_LENGTH
HEAD_TOLD_SECONDS = 60.0

COPY_ENTRIES = """
COPY chat_auditentry (
    place, previous_hash, event_id, happened_at, recorded_at, action, actor_id, actor_name,
    chat_id, target_type, target_id, details, hash
) FROM STDIN
"""


class Draft(NamedTuple):
    """An entry that has no place yet."""

    event_id: UUID
    happened_at: datetime
    action: str
    actor_id: int | None
    actor_name: str
    chat_id: int | None
    target_type: str
    target_id: str
    details: str


class Head(NamedTuple):
    """The newest entry: who keeps it elsewhere can tell that nothing before it was touched."""

    place: int
    hash: str

    def __str__(self) -> str:
        return f"{self.place}:{self.hash}"


class Entry(NamedTuple):
    """A row of the log; its fields are the columns, in the order in which they are sealed."""

    place: int
    previous_hash: str
    event_id: UUID
    happened_at: datetime
    recorded_at: datetime
    action: str
    actor_id: int | None
    actor_name: str
    chat_id: int | None
    target_type: str
    target_id: str
    details: str
    hash: str = ""

    def sealed(self) -> Entry:
        return self._replace(hash=self.seal())

    def seal(self) -> str:
        """See Note [Seal]."""
        sealed = [
            FORM,
            self.place,
            self.previous_hash,
            str(self.event_id),
            timestamp(self.happened_at),
            timestamp(self.recorded_at),
            *self[5:-1],
        ]
        return hashlib.sha256(orjson.dumps(sealed)).hexdigest()


def append(drafts: Sequence[Draft]) -> int:
    """Gives the events that are not in the log yet the next places; how many there were.

    From its first statement to the end of the caller's transaction nobody else can append: call it
    last.
    """
    with transaction.atomic(savepoint=False):
        _lock()
        head = read_head()
        entries = list(_follow(head, _without_known(drafts)))
        if entries:
            _insert(entries)
            transaction.on_commit(partial(_tell_head, Head(entries[-1].place, entries[-1].hash)))
    return len(entries)


def read_head() -> Head:
    newest = AuditEntry.objects.order_by("-place").values_list("place", "hash").first()
    return Head(*newest) if newest else Head(0, NOTHING_BEFORE)


def _lock() -> None:
    """SQLite has one writer at a time since the transaction's begin."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock_keys.AUDIT_CHAIN])


def _without_known(drafts: Sequence[Draft]) -> Iterable[Draft]:
    """A replay brings what is there already."""
    unique = {draft.event_id: draft for draft in drafts}
    known = AuditEntry.objects.filter(event_id__in=list(unique))
    for event_id in known.values_list("event_id", flat=True):
        del unique[event_id]
    return unique.values()


def _follow(head: Head, drafts: Iterable[Draft]) -> Iterable[Entry]:
    place, previous = head
    now = timezone.now()
    for draft in drafts:
        place += 1
        entry = Entry(
            place=place, previous_hash=previous, recorded_at=now, **draft._asdict()
        ).sealed()
        previous = entry.hash
        yield entry


def _insert(entries: Sequence[Entry]) -> None:
    if connection.vendor != "postgresql":
        AuditEntry.objects.bulk_create(AuditEntry(**entry._asdict()) for entry in entries)
        return
    # The lock is held meanwhile, and COPY takes the least time.
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(COPY_ENTRIES) as rows,
    ):
        for entry in entries:
            rows.write_row(entry)


_told_at = -HEAD_TOLD_SECONDS


def _tell_head(head: Head) -> None:
    """Once a minute, to the log, which is kept elsewhere: for `audit_verify --expect-head`."""
    global _told_at
    now = time.monotonic()
    if now - _told_at >= HEAD_TOLD_SECONDS:
        _told_at = now
        logger.info("Audit log sealed up to %s", head, extra={"place": head.place})
