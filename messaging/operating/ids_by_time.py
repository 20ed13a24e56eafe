"""Finds rows by their time where only their ids are indexed: ids follow time, near enough."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Model

# One statement, on both databases, halves the ids until one is left. `low` and `high` are ids:
# rows before `low` are older than the moment, rows from `high` on are not.
FIND: Final = """
    WITH RECURSIVE halves(low, high) AS (
        SELECT coalesce(min({id}), 0), coalesce(max({id}) + 1, 0) FROM {table}
        UNION ALL
        SELECT CASE WHEN {is_older} THEN (low + high) / 2 + 1 ELSE low END,
            CASE WHEN {is_older} THEN high ELSE (low + high) / 2 END
        FROM halves WHERE low < high
    )
    SELECT low FROM halves WHERE low = high
"""
# Of the first row from the middle on.
IS_OLDER: Final = """coalesce((
    SELECT {time} FROM {table} WHERE {id} >= (low + high) / 2 ORDER BY {id} LIMIT 1) < %s, false)"""


def first_id_since(model: type[Model], field: str, moment: datetime) -> int:
    """An id: rows from there on have a `field` of `moment` or later, rows before it do not.

    Some twenty look-ups by id, however large the table.
    """
    meta: Any = model._meta
    columns = {"id": meta.pk.column, "time": meta.get_field(field).column, "table": meta.db_table}
    names = {name: connection.ops.quote_name(column) for name, column in columns.items()}
    sql = FIND.format(is_older=IS_OLDER.format(**names), **names)
    given: Any = connection.ops.adapt_datetimefield_value(moment)
    with connection.cursor() as cursor:
        cursor.execute(sql, [given, given])
        [found] = cursor.fetchone()
    return int(found)
