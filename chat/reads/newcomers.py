"""What sockets that have just come need, of several people at once: as many queries as for one.

In three steps: who they are; their chats, so that they hear of changes; then how things stand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from chat.models import Block, User
from chat.reads.blocks import people_apart
from chat.reads.notifications import unseen_notifications_of
from chat.reads.sessions import chats_of
from chat.reads.summaries import chat_summaries_of
from chat.wire.payloads import Payload


class Rooms(NamedTuple):
    apart: frozenset[int]  # from whom a block keeps the person
    chat_ids: set[int]


class Standing(NamedTuple):
    chats: list[Payload]
    unseen: Payload
    blocked: list[int]


def rooms_of(user_ids: Sequence[int]) -> list[Rooms]:
    apart, chats = people_apart(set(user_ids)), chats_of(set(user_ids))
    return [Rooms(apart[pk], set(chats[pk])) for pk in user_ids]


def standings_of(users: Sequence[User]) -> list[Standing]:
    """Somebody may be there twice, with two browsers."""
    people = {user.pk: user for user in users}
    chats = chat_summaries_of(list(people.values()))
    unseen = unseen_notifications_of(list(people.values()))
    blocked = _blocked_by(people)
    return [
        Standing([dict(chat) for chat in chats[pk]], unseen[pk], blocked[pk])
        for pk in (user.pk for user in users)
    ]


def _blocked_by(people: dict[int, User]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    rows = Block.objects.filter(blocker__in=list(people)).order_by("pk")
    for blocker, blocked in rows.values_list("blocker_id", "blocked_id"):
        found[blocker].append(blocked)
    return found
