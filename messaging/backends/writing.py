"""Whether the database would write, asked without writing."""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction

# A server that only reads refuses it; no row is touched, and none is made.
WOULD_LOCK: Final = "SELECT 1 FROM django_migrations WHERE false FOR UPDATE"


def would_write() -> None:
    """Raises what the database would raise of a write, and leaves no trace."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(WOULD_LOCK)
    else:
        with transaction.atomic():  # takes the lock of who writes
            pass
