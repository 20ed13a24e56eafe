"""Lets one process at a time send for a webhook, so that its chats keep their order.

On PostgreSQL an advisory lock of the sender's own connection, on which it also writes what came of
each try: who loses the one cannot do the other. On SQLite, where one machine has it all, one
process sends for all webhooks, by a lock on a file. Either falls free with its process.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from django.db import connection

from messaging import lock_keys
from messaging.outbox.relay_lock import FileLock, path_beside


class WebhookLocks(Protocol):
    def take(self, webhook_id: int) -> bool:
        """Whether this process is, or has become, the one that sends for it."""

    def keep(self, webhook_ids: Collection[int]) -> None:
        """Gives all others back."""

    def close(self) -> None: ...


class PostgresLocks:
    def __init__(self) -> None:
        self._held: set[int] = set()

    def take(self, webhook_id: int) -> bool:
        if webhook_id not in self._held and self._ask("pg_try_advisory_lock", webhook_id):
            self._held.add(webhook_id)
        return webhook_id in self._held

    def keep(self, webhook_ids: Collection[int]) -> None:
        for webhook_id in self._held.difference(webhook_ids):
            self._ask("pg_advisory_unlock", webhook_id)
            self._held.discard(webhook_id)

    def close(self) -> None:
        self._held.clear()
        connection.close()

    def _ask(self, function: str, webhook_id: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [lock_keys.FIRST_WEBHOOK + webhook_id])
            return bool(cursor.fetchone()[0])


class OneProcess:
    def __init__(self) -> None:
        path = path_beside(str(connection.settings_dict["NAME"]), purpose="webhooks")
        self._lock = FileLock(path)

    def take(self, webhook_id: int) -> bool:
        return self._lock.acquire()

    def keep(self, webhook_ids: Collection[int]) -> None:
        if not webhook_ids:
            self._lock.release()

    def close(self) -> None:
        self._lock.release()
        connection.close()


def make_locks() -> WebhookLocks:
    """The ones for the database in use."""
    return PostgresLocks() if connection.vendor == "postgresql" else OneProcess()
