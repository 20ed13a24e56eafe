"""Whom a person has blocked, and whom blocks keep apart. Reads only.

What stands in `blocks_page` and `blocked_ids` is for the blocker's eyes alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Final

from chat.models import Block, User
from chat.reads.paging import page_of
from chat.wire.payloads import Payload, person_payload, timestamp

PAGE_BLOCKS = 100
# One for all: it stays with each of their sockets.
NOBODY: Final[frozenset[int]] = frozenset()


def blocks_page(user: User, page: int) -> Payload:
    """The newest first."""
    blocks = Block.objects.by(user).select_related("blocked").order_by("-pk")
    rows, more = page_of(blocks, page, size=PAGE_BLOCKS)
    return {
        "blocks": [
            {"user": person_payload(block.blocked), "created_at": timestamp(block.created_at)}
            for block in rows
        ],
        "more": more,
    }


def blocked_ids(user: User) -> list[int]:
    return list(Block.objects.by(user).order_by("pk").values_list("blocked_id", flat=True))


def people_apart(user_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """By person, those whom a block keeps them apart from, whoever made it."""
    apart: dict[int, set[int]] = defaultdict(set)
    for one, other in Block.objects.touching(user_ids).pairs():
        apart[one].add(other)
    return {pk: frozenset(apart[pk]) if pk in apart else NOBODY for pk in user_ids}
