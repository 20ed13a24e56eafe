"""Rows of numbers that a statement is given, as a table of it: one statement for all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection


def given(columns: Sequence[str], rows: Sequence[Sequence[int]]) -> tuple[str, list[Any]]:
    """A table `given` with these columns for a FROM, and the parameters that fill it."""
    if connection.vendor == "postgresql":
        arrays = ", ".join(["%s::bigint[]"] * len(columns))
        return f"unnest({arrays}) AS given({', '.join(columns)})", [
            list(column) for column in zip(*rows, strict=True)
        ]
    taken = ", ".join(
        f"json_extract(value, '$[{place}]') AS {column}" for place, column in enumerate(columns)
    )
    table = f"(SELECT {taken} FROM json_each(%s)) AS given"  # noqa: S608  (columns are our own words)
    return table, [json.dumps(rows)]
