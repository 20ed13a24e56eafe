"""Parameters in PostgreSQL's binary format: of a few types, for a sixth of what psycopg takes to
find the types of a list and to look for the format of each.

An array, as its `array_recv` reads it: dimensions, whether there are nulls, the oid of the type,
length, lower bound; then for each element its length in bytes (-1: null) and its bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct, pack
from typing import Final
from uuid import UUID

INT8, INT2, TEXT, UUIDS = 20, 21, 25, 2950  # pg_type.oid
HEAD: Final = Struct("!iiiii")
LENGTH: Final = Struct("!i")
NULL: Final = LENGTH.pack(-1)
UUID_LENGTH: Final = LENGTH.pack(16)
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def int8s(numbers: Sequence[int]) -> bytes:
    parts = (part for number in numbers for part in (8, number))
    return pack("!iiiii" + "iq" * len(numbers), *_head(INT8, len(numbers)), *parts)


def int8s_or_nulls(numbers: Sequence[int | None]) -> bytes:
    return _array(INT8, [NULL if number is None else pack("!iq", 8, number) for number in numbers])


def int2s(numbers: Sequence[int]) -> bytes:
    parts = (part for number in numbers for part in (2, number))
    return pack("!iiiii" + "ih" * len(numbers), *_head(INT2, len(numbers)), *parts)


def texts(words: Iterable[str]) -> bytes:
    return _array(TEXT, [LENGTH.pack(len(word)) + word for word in map(str.encode, words)])


def uuids(ids: Iterable[UUID]) -> bytes:
    return _array(UUIDS, [UUID_LENGTH + one.bytes for one in ids])


def timestamptz(moment: datetime) -> bytes:
    return pack("!q", (moment - EPOCH) // MICROSECOND)


def boolean(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def _array(oid: int, elements: Sequence[bytes]) -> bytes:
    return HEAD.pack(*_head(oid, len(elements))) + b"".join(elements)


def _head(oid: int, length: int) -> tuple[int, int, int, int, int]:
    """One dimension, nulls allowed."""
    return 1, 1, oid, length, 1
