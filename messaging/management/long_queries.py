"""For commands whose queries may take longer than a request's may."""

from __future__ import annotations

from django.db import connection


def allow_long_queries() -> None:
    """For the rest of this process's connection: joining millions of rows takes its time."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
