"""How long to wait for locks that others hold: DatabaseBusyError comes after this, instead of after
10 s (webchat/environment.py). On SQLite, which has one lock for everything, nothing changes.
"""

from __future__ import annotations

from django.db import connection


def limit_lock_waits(milliseconds: int, *, whole_session: bool = False) -> None:
    """Of this transaction, or of this connection for as long as it lives."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, %s)", [str(milliseconds), not whole_session]
            )
