"""Ids of events: UUIDs of version 7, which begin with the time.

Every table that knows events has an index of their ids. New ones all come to its end, which is in
memory; random ones each touch a page of their own, and most pages of a long past are not.
"""

from __future__ import annotations

import os
import time
from typing import Final
from uuid import UUID

NS_PER_MS: Final = 1_000_000
RANDOM_BYTES: Final = 10
VERSION: Final = 7 << 76
VARIANT: Final = 2 << 62
# Of the random bits, those that version and variant leave.
FREE: Final = ~(0xF << 76 | 0x3 << 62) & ((1 << 80) - 1)


def new_event_id() -> UUID:
    """Milliseconds since 1970 in the first 48 bits, and 74 random ones."""
    milliseconds = time.time_ns() // NS_PER_MS
    chance = int.from_bytes(os.urandom(RANDOM_BYTES), "big") & FREE
    return UUID(int=milliseconds << 80 | VERSION | VARIANT | chance)
