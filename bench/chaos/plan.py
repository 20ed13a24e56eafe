"""Which faults come when: the same seed gives the same plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

PROCESS = ("killed", "frozen", "restarted")
LINE = ("slow", "narrow", "silent", "cut")
# By target: what may happen to it. A target has one fault at a time.
KINDS: dict[str, tuple[str, ...]] = {
    "web": PROCESS,
    "relay": PROCESS,
    "consumer": (*PROCESS, "joined"),
    "postgres": (*PROCESS, "only reads", "disk full"),
    "redis": (*PROCESS, "memory full", "only reads"),
    "kafka": (*PROCESS, "disk full"),
    "line to postgres": LINE,
    "line to redis": LINE,
    "line to kafka": LINE,
    "chat": ("locked",),
}
Kind = tuple[str, str]
ALL: tuple[Kind, ...] = tuple((target, how) for target, kinds in KINDS.items() for how in kinds)
MOST_AT_ONCE = 3
FIRST_AFTER, LAST_AFTER = 0.5, 3.0  # seconds of a round
SHORTEST, LONGEST = 1.0, 6.0
# Longer than its group waits for a silent member: another one takes over, and then it wakes up.
ASLEEP = 11.0, 15.0
QUIET_SECONDS = 5.0  # of a round without faults


@dataclass(frozen=True, slots=True)
class Fault:
    """`number`: which of several such processes or chats; times in seconds."""

    target: str
    how: str
    number: int
    after: float
    lasts: float

    @property
    def kind(self) -> str:
        return f"{self.target} {self.how}"

    @property
    def ends(self) -> float:
        return self.after + self.lasts

    def __str__(self) -> str:
        return f"{self.kind} #{self.number} at {self.after} s for {self.lasts} s"


@dataclass(frozen=True, slots=True)
class Round:
    number: int
    faults: tuple[Fault, ...]
    removal_after: float  # somebody is sent out of a chat

    @property
    def hits_redis(self) -> bool:
        return any("redis" in fault.target for fault in self.faults)

    @property
    def seconds(self) -> float:
        """How long people go on, at least."""
        return max((fault.ends for fault in self.faults), default=QUIET_SECONDS)


def rounds(
    seed: int, *, most_at_once: int = MOST_AT_ONCE, kinds: Sequence[Kind] = ALL
) -> Iterator[Round]:
    """Without an end. Every kind comes once before any comes again, in another order each time."""
    chance = Random(seed)
    deck: list[Kind] = []
    number = 0
    while True:
        number += 1
        wanted, taken = chance.randint(1, most_at_once), list[Fault]()
        while len(taken) < wanted:
            if not deck:
                deck = list(kinds)
                chance.shuffle(deck)
            target, how = deck.pop()
            if any(fault.target == target for fault in taken):
                deck.insert(0, (target, how))
                wanted -= 1
                continue
            taken.append(_fault(chance, target, how))
        yield Round(number, tuple(taken), _between(chance, 1.0, 4.0))


def kinds_of(names: Sequence[str]) -> list[Kind]:
    """Raises KeyError for a name that is none."""
    by_name = {f"{target} {how}": (target, how) for target, how in ALL}
    return [by_name[name] for name in names]


def _fault(chance: Random, target: str, how: str) -> Fault:
    least, most = ASLEEP if (target, how) == ("consumer", "frozen") else (SHORTEST, LONGEST)
    after, lasts = _between(chance, FIRST_AFTER, LAST_AFTER), _between(chance, least, most)
    return Fault(target, how, chance.randrange(2), after, lasts)


def _between(chance: Random, least: float, most: float) -> float:
    return round(chance.uniform(least, most), 1)
