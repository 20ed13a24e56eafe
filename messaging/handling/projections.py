"""A handler's result, rebuilt beside the existing one: the contract of a replay.

A handler without a projection is never replayed: what it does reaches people or other systems, and
would reach them twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Protocol

from messaging.contract.events import Event


class Projection(Protocol):
    """For one handler and one replay. See docs/decisions/0006 for what holds when."""

    # It only adds what is missing: it may be given any part of the events.
    is_additive: ClassVar[bool]

    def __init__(self, since: datetime | None) -> None:
        """`since` (None: everything): anything older stays as it is."""

    @staticmethod
    def floor(moment: datetime) -> datetime:
        """The latest moment, not after `moment`, from which it can be rebuilt on its own."""

    def tells_of_before(self, moment: datetime) -> bool:
        """Whether the existing result includes events from before `moment`, so that a replay with
        only newer ones would lose something."""

    def begin(self) -> None:
        """Discards what a killed replay left behind."""

    def apply(self, events: Sequence[Event]) -> None:
        """In a transaction of its own, each event once."""

    def lock(self) -> None:
        """In the last transaction: from here to its end the handler waits, and everything that it
        has committed is visible."""

    def swap(self) -> int:
        """In the same transaction: the rebuilt result replaces the old one; returns how many rows
        changed."""

    def discard(self) -> None:
        """Discards the rebuilt result."""


MakeProjection = type[Projection]
