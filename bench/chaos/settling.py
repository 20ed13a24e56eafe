"""What is still on its way, in words: nothing, once a round is over and everything has healed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from bench.chaos.checks.effects import OF_EVERY_EVENT
from bench.chaos.evidence import GROUP, TOPIC
from bench.chaos.person import Person
from bench.chaos.system import System

EVERY_SECONDS = 0.3
WAITING = "SELECT count(*) FROM messaging_outboxevent WHERE status = 0"
UNHANDLED = f"""
    SELECT count(*) FROM messaging_outboxevent AS event WHERE id > %s AND topic = '{TOPIC}' AND (
        SELECT count(*) FROM messaging_receipt AS handled
        WHERE handled.event_id = event.event_id AND handled."group" = '{GROUP}'
    ) < {len(OF_EVERY_EVENT)}
"""
UNPUBLISHED = "SELECT count(*) FROM chat_chat WHERE published_seq < last_seq"
REVISIONS = "SELECT id, revision FROM chat_chat WHERE id = ANY(%s)"


class Settling:
    """Of one round: its people and chats, and where its events begin."""

    def __init__(self, system: System, people: Sequence[Person], first_event: int) -> None:
        self.system, self.people, self.first_event = system, people, first_event
        self.lacks: list[str] = []
        self.revisions: dict[int, int] = {}

    async def within(self, seconds: float) -> float | None:
        """When it was so, on time.monotonic's clock; None: `lacks` says what was left."""
        gives_up_at = time.monotonic() + seconds
        while time.monotonic() < gives_up_at:
            looked_at = time.monotonic()
            self.lacks = self._unanswered() or await asyncio.to_thread(self._look)
            self.lacks = self.lacks or self._behind()
            if not self.lacks:
                return looked_at
            await asyncio.sleep(EVERY_SECONDS)
        return None

    def _unanswered(self) -> list[str]:
        members = [one for one in self.people if not one.is_out]
        lacks = {
            "people who are not connected": sum(not one.is_welcome for one in members),
            "unanswered requests": sum(len(one.waiting) for one in members),
        }
        return words_of(lacks)

    def _look(self) -> list[str]:
        ended = [name for name, one in self.system.programs().items() if not one.is_running()]
        unready = [web.url for web in self.system.webs if web.status_of("/readyz") != 200]
        if ended or unready:
            return [f"{what} is not there" for what in (*ended, *unready)]
        try:
            with psycopg.connect(self.system.direct_url, connect_timeout=5) as connection:
                return self._count(connection)
        except psycopg.Error as error:
            return [f"PostgreSQL: {error}"]

    def _count(self, connection: psycopg.Connection[Any]) -> list[str]:
        def count(query: str, *values: int) -> int:
            row = connection.execute(query, values).fetchone()
            assert row is not None
            return int(row[0])

        chat_ids = list({one.chat_id for one in self.people})
        self.revisions = dict(connection.execute(REVISIONS, (chat_ids,)).fetchall())
        return words_of(
            {
                "events that wait in the outbox": count(WAITING),
                "events that are not handled": count(UNHANDLED, self.first_event),
                "chats that are not published": count(UNPUBLISHED),
            }
        )

    def _behind(self) -> list[str]:
        members = [one for one in self.people if not one.is_out]
        behind = [m for m in members if m.screen.revision < self.revisions[m.chat_id]]
        return words_of({"people whose screens are behind": len(behind)})


def words_of(lacks: dict[str, int]) -> list[str]:
    return [f"{number} {what}" for what, number in lacks.items() if number]
