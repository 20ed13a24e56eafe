"""The shards of the outbox: every key has one, and one relay at a time holds it.

PostgreSQL knows a key's shard, by an expression that its index of waiting rows has (migration
0005). Nobody else computes it: so nothing is stored, and all relays always mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SHARDS: Final = 16  # a power of two; at most as many relays have something to do
SHARD_OF_KEY: Final = f"(hashtext(key) & {SHARDS - 1})"

Shards = tuple[int, ...]
ALL_SHARDS: Final[Shards] = tuple(range(SHARDS))


def fair_share(place: int, relays: int) -> int:
    """How many shards the relay at this place (from 0) among so many gets. The places' shares add
    up to all shards, and differ by one at most.
    """
    return SHARDS // relays + (place < SHARDS % relays)


def first_tries(free: Sequence[int], place: int, relays: int) -> list[int]:
    """The free shards in the order in which that relay tries them: relays that start together
    begin at different ones.
    """
    begin = len(free) * place // relays
    return [*free[begin:], *free[:begin]]
