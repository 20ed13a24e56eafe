"""Which other hubs there are, and what each of them listens to: so that nothing is sent to no one.

Each hub announces the shards in which it has rooms: at once when it begins with one, and from time
to time; whoever is not heard of again is gone. In an announcement it also says whose announcements
it has heard, and so the others find out from when on they are sent what they listen to: what was
written before is read from the database (docs/decisions/0014). Neither waits nor sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from chat.events.hub_commands import SHARDS, HubCommand, Kind, layer_message, shard_of

ANNOUNCE_SECONDS: Final = 5.0
LEASE_SECONDS: Final = 3 * ANNOUNCE_SECONDS
# Whoever announces nothing for longer may soon be given up, and give up others unread.
STILL_SECONDS: Final = LEASE_SECONDS - ANNOUNCE_SECONDS - 1
# A hub of an older version is only heard when it renews its people's presence, every 15 s.
OLDER_LEASE_SECONDS: Final = 60.0
# Whoever has just come, or come back, does not know for this long who listens: all are told.
LEARN_SECONDS: Final = 16.0
# After somebody has joined a chat, any hub may have begun to listen to it a moment ago.
EXPECT_SECONDS: Final = 5.0
# When more hubs than this are concerned, one message to all costs less.
MAX_STRAIGHT: Final = 4
EVERY_SHARD: Final = frozenset(range(SHARDS))


class Heard(NamedTuple):
    """The serial numbers of the first and the newest of a hub's announcements in an unbroken
    lease; zeros: there is no lease."""

    first: int = 0
    newest: int = 0


NOTHING: Final = Heard()


@dataclass(slots=True)
class Lease:
    """What another hub has announced. One that does not announce (of an older version) is sent
    everything."""

    until: float
    channel: str = ""
    shards: frozenset[int] = EVERY_SHARD
    heard: Heard = NOTHING
    # What it has said that it has heard of us.
    has_heard: Heard = NOTHING


class Post(NamedTuple):
    """What is to be sent, and to which channel; an empty one: to all hubs."""

    channel: str
    commands: Sequence[HubCommand]


class Listeners:
    def __init__(self, own_id: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._own_id = own_id
        self._clock = clock
        self._serial = 0
        self._announced_at = clock()
        self._knows_at = float("inf")
        # Our shards, and the number of the announcement that was, or will be, the first with it.
        self._own: dict[int, int] = {}
        self._leases: dict[str, Lease] = {}
        self._expected: dict[int, float] = {}

    # What we listen to

    @property
    def own(self) -> frozenset[int]:
        return frozenset(self._own)

    def listen(self, chat_id: int) -> bool:
        """True when the chat's shard is a new one, to be announced."""
        shard = shard_of(chat_id)
        is_new = shard not in self._own
        self._own.setdefault(shard, self._serial + 1)
        return is_new

    def keep(self, chat_ids: Iterable[int]) -> None:
        """Gives up the shards in which none of these chats is."""
        for shard in self.own - {shard_of(chat_id) for chat_id in chat_ids}:
            del self._own[shard]

    def announcement(self, channel: str) -> dict[str, Any]:
        """The next one, as it travels. Those who know nothing of it read no commands in it."""
        self._serial += 1
        self._announced_at = self._clock()
        heard = {origin: list(lease.heard) for origin, lease in self._living().items()}
        listens = {
            "channel": channel,
            "shards": sorted(self._own),
            "serial": self._serial,
            "heard": heard,
        }
        return layer_message([], origin=self._own_id) | {"listens": listens}

    def farewell(self) -> dict[str, Any]:
        return layer_message([], origin=self._own_id) | {"leaves": True}

    # What others listen to

    def has_stood_still(self) -> bool:
        """True when we have announced nothing for so long that others may have given us up, and
        we may have given up others whose announcements wait for us to read them."""
        return self._clock() > self._announced_at + STILL_SECONDS

    @property
    def just_announced(self) -> frozenset[int]:
        return frozenset(shard for shard, since in self._own.items() if since == self._serial)

    def came_back(self) -> None:
        """The layer is there (again): it may have lost anything."""
        self._announced_at = self._clock()
        self._knows_at = self._announced_at + LEARN_SECONDS
        self._own = dict.fromkeys(self._own, self._serial + 1)

    def lose_sight(self) -> None:
        """The layer is away."""
        self._knows_at = float("inf")

    def knows(self, origin: str) -> bool:
        return origin in self._living()

    def hear(self, message: Mapping[str, Any]) -> frozenset[int]:
        """From another hub. Returns those of our shards in which something may have been written
        that it did not send us."""
        origin = message["origin"]
        if message.get("leaves"):
            self._leases.pop(origin, None)
            return frozenset()
        lease = self._living().get(origin)
        if lease is None:
            lease = self._leases[origin] = Lease(until=0)
        told = message.get("listens")
        if told is not None:
            return self._renew(lease, told)
        if not lease.channel:
            lease.until = self._clock() + OLDER_LEASE_SECONDS
        return frozenset()

    def expect(self, commands: Iterable[HubCommand]) -> None:
        """People join chats by them: on hubs which may not have listened to these chats before."""
        for command in commands:
            if command.kind is Kind.JOIN:
                self._expected[shard_of(command.chat_id)] = self._clock() + EXPECT_SECONDS

    def posts(self, commands: Sequence[HubCommand]) -> list[Post]:
        """What to send to whom; each hub gets what concerns it once, and in this order."""
        leases = self._living().values()
        to_all = [Post("", commands)]
        if not self._is_sure():
            return to_all
        if not leases:
            return []
        shards = {command.shard for command in commands}
        if None in shards or self._are_expected(shards):
            return to_all
        concerned = [lease for lease in leases if not lease.shards.isdisjoint(shards)]
        if not self._are_worth_addressing(concerned, shards):
            return to_all
        return [
            Post(lease.channel, [one for one in commands if one.shard in lease.shards])
            for lease in concerned
        ]

    def _are_worth_addressing(self, concerned: Sequence[Lease], shards: Set[int | None]) -> bool:
        """False when one message to all hubs is the better way to reach these."""
        if len(concerned) > MAX_STRAIGHT or any(not lease.channel for lease in concerned):
            return False
        concerns_all = len(concerned) == len(self._leases)
        return len(concerned) < 2 or not (
            concerns_all and all(lease.shards >= shards for lease in concerned)
        )

    def _renew(self, lease: Lease, told: Mapping[str, Any]) -> frozenset[int]:
        serial = told["serial"]
        lease.until = self._clock() + LEASE_SECONDS
        lease.channel = told["channel"]
        lease.shards = frozenset(told["shards"])
        lease.heard = Heard(lease.heard.first or serial, serial)
        before, lease.has_heard = lease.has_heard, Heard(*told["heard"].get(self._own_id, ()))
        if lease.has_heard.first != before.first:
            # It has not sent us everything since it said so last, perhaps nothing.
            return self.own
        return frozenset(shard for shard, since in self._own.items() if since > before.newest)

    def _living(self) -> dict[str, Lease]:
        now = self._clock()
        if any(lease.until < now for lease in self._leases.values()):
            self._leases = {
                origin: lease for origin, lease in self._leases.items() if lease.until >= now
            }
        return self._leases

    def _is_sure(self) -> bool:
        return self._knows_at <= self._clock() and not self.has_stood_still()

    def _are_expected(self, shards: Iterable[int | None]) -> bool:
        now = self._clock()
        return any(shard is not None and self._expected.get(shard, 0) >= now for shard in shards)
