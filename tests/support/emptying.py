"""Empties the database after a test that has committed: a few DELETEs instead of Django's flush.

Flush truncates every table and makes permissions and groups again, and each connection then reads
up what it knew of all tables: on PostgreSQL a third of a second for each test.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

# Above that a TRUNCATE is quicker: for each row that goes PostgreSQL looks for what refers to it.
MAX_ROWS = 500
# Made by `migrate`, the same for all tests.
STANDING = (ContentType, Permission, Group, Group.permissions.through)

_flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
_standing: list[list[tuple[Any, ...]]] = []


def install() -> None:
    """From now on, for all tests of this process. Its database is migrated, with no other row."""
    _standing[:] = standing_rows()
    TransactionTestCase._fixture_teardown = _empty  # type: ignore[attr-defined]


def standing_rows() -> list[list[tuple[Any, ...]]]:
    return [list(model._base_manager.order_by("pk").values_list()) for model in STANDING]


def _empty(case: TransactionTestCase) -> None:
    if standing_rows() != _standing or not _delete_few():
        _flush(case)
        _standing[:] = standing_rows()


def _delete_few() -> bool:
    """False, with nothing done: they are too many."""
    tables = _tables()
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Whoever is still at work is waited for, as TRUNCATE does.
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        few = (f"SELECT 1 FROM {table} LIMIT {MAX_ROWS + 1}" for table in tables)
        cursor.execute(" UNION ALL ".join(f"SELECT count(*) FROM ({rows}) AS few" for rows in few))
        counts = [count for (count,) in cursor.fetchall()]
        if max(counts) > MAX_ROWS:
            return False
        for table, count in zip(tables, counts, strict=True):
            if count:
                cursor.execute(f"DELETE FROM {table}")
    return True


def _tables() -> list[str]:
    standing = {model._meta.db_table for model in STANDING}
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [connection.ops.quote_name(name) for name in sorted(names) if name not in standing]
