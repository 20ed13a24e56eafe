"""A page of rows that are counted from 0, and whether there are more behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import QuerySet

Row = TypeVar("Row")


def page_of(rows: QuerySet[Any, Row], page: int, *, size: int) -> tuple[Sequence[Row], bool]:
    """At most `size` rows; one more is read to see whether another page follows."""
    start = page * size
    found = list(rows[start : start + size + 1])
    return found[:size], len(found) > size
