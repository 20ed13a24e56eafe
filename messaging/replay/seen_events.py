"""Remembers on the database's side which events a replay has had, however many there are.

An event may stand on the topic more than once. The table lives as long as its connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection

from messaging.contract.events import Event


class SeenEvents:
    def take_new(self, events: Sequence[Event]) -> list[Event]:
        """Those that were not seen before, each once, in order; from now on they were."""
        unique = {str(event.event_id): event for event in events}
        if not unique:
            return []
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "INSERT INTO replay_seen SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING"
                    " RETURNING event_id",
                    [list(unique)],
                )
                new = {event_id for (event_id,) in cursor.fetchall()}
            else:
                new = {
                    event_id
                    for event_id in unique
                    if cursor.execute("INSERT OR IGNORE INTO replay_seen VALUES (%s)", [event_id])
                    and cursor.rowcount
                }
        return [event for event_id, event in unique.items() if event_id in new]


@contextmanager
def seen_events() -> Iterator[SeenEvents]:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS replay_seen")
        cursor.execute("CREATE TEMPORARY TABLE replay_seen (event_id varchar(36) PRIMARY KEY)")
    try:
        yield SeenEvents()
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS replay_seen")
