"""What a handler makes of events, made once more beside what is there: the contract of a replay.

A handler without a projection is never replayed: what it does reaches people or other systems, and
would reach them twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Protocol

from messaging.contract.events import Event


class Projection(Protocol):
    """Of one handler, for one replay. See docs/decisions/0006 for what holds when."""

    # It adds what is missing and takes nothing away: any part of the events may be given to it.
    is_additive: ClassVar[bool]

    def __init__(self, since: datetime | None) -> None:
        """`since` (None: everything): what is older stays as it is."""

    @staticmethod
    def floor(moment: datetime) -> datetime:
        """The latest moment up to `moment` from which on it can be made again by itself."""

    def tells_of_before(self, moment: datetime) -> bool:
        """Whether what is there tells of events from before `moment`, so that a replay that has
        only younger ones would lose something."""

    def begin(self) -> None:
        """Throws away what a replay left that was killed."""

    def apply(self, events: Sequence[Event]) -> None:
        """In a transaction of its own, each event once."""

    def lock(self) -> None:
        """In the last transaction: from here to its end the handler waits, and all that it has
        committed is seen."""

    def swap(self) -> int:
        """In the same transaction: what was made takes its place; how many rows changed."""

    def discard(self) -> None:
        """Throws away what was made."""


MakeProjection = type[Projection]
