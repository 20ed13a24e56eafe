"""Background work beside a group's handlers, in every process that runs them.

For work that handlers must not wait for: they record it in their transaction, and a companion does
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

STOP_SECONDS = 8.0  # of the 15 that a process has; closing the bus takes the rest


class Companion(Protocol):
    """Several processes may have one each: they share the work, or all but one stand by."""

    def start(self) -> None:
        """Returns at once."""

    def begin_to_stop(self) -> None:
        """Starts nothing more, and does not wait: a signal handler may call it."""

    def stop(self, timeout_seconds: float) -> bool:
        """Whether work in progress ended in time, counted from the first call of either."""


Make = TypeVar("Make", bound=Callable[[], Companion])

_companions: list[tuple[str, Callable[[], Companion]]] = []


def companion(*, group: str) -> Callable[[Make], Make]:
    """Registers a factory. It is not called before a process runs the group's handlers."""

    def register(make: Make) -> Make:
        _companions.append((group, make))
        return make

    return register


def make_companions(groups: Sequence[str]) -> list[Companion]:
    return [make() for group, make in _companions if group in groups]


@contextmanager
def beside(group: str) -> Iterator[Sequence[Companion]]:
    """The group's companions work while the block runs."""
    running = make_companions([group])
    for each in running:
        each.start()
    try:
        yield running
    finally:
        for each in running:
            each.stop(STOP_SECONDS)
