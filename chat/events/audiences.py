"""Lines that only some members get: people who hide something do not see it of others.

A line's audience is the kind of its command to hubs; a socket knows which audiences it belongs to.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from chat.models import User

# How far others have read, for those who show it themselves; the rest get what remains of it.
READING: Final = "reading"
DELIVERY: Final = "delivery"
# Who is online and who is typing.
PRESENCE: Final = "presence"

# By what a person shares: reading, presence. One set for all: it stays with each of their sockets.
_ALL_AUDIENCES: Final = {
    (True, True): frozenset({READING, PRESENCE}),
    (True, False): frozenset({READING}),
    (False, True): frozenset({DELIVERY, PRESENCE}),
    (False, False): frozenset({DELIVERY}),
}


def audiences_of(user: User) -> frozenset[str]:
    return _ALL_AUDIENCES[user.shares_reading, user.shares_presence]


def audiences_of_people(user_ids: Collection[int]) -> dict[int, frozenset[str]]:
    people = User.objects.filter(pk__in=user_ids).only("shares_reading", "shares_presence")
    return {person.pk: audiences_of(person) for person in people}
