"""How PostgreSQL carries out what is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection


def plans_of(action: Callable[[], object], words: str) -> list[str]:
    """Of each statement of `action` that has these words in it: the plan, as it was followed."""
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if words in sql and not sql.startswith("EXPLAIN"):
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE) {sql}", params)
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        action()
    return plans


def learn(*tables: str) -> None:
    """The planner knows what the tables hold now."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ANALYZE {table}")
