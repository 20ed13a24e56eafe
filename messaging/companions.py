"""What works beside the handlers of a group, in every process that runs them.

For what handlers must not wait for: they note it in their transaction, a companion does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar

STOP_SECONDS = 10.0


class Companion(Protocol):
    """Several processes may have one each: they share the work, or all but one stand by."""

    def start(self) -> None:
        """Returns at once."""

    def stop(self, timeout_seconds: float) -> bool:
        """Begins nothing more; whether what was begun ended in time."""


Make = TypeVar("Make", bound=Callable[[], Companion])

_companions: list[tuple[str, Callable[[], Companion]]] = []


def companion(*, group: str) -> Callable[[Make], Make]:
    """Registers what makes one. Nothing is made before a process runs the group's handlers."""

    def register(make: Make) -> Make:
        _companions.append((group, make))
        return make

    return register


def make_companions(groups: Sequence[str]) -> list[Companion]:
    return [make() for group, make in _companions if group in groups]


@contextmanager
def beside(group: str) -> Iterator[None]:
    """The group's companions work while the block runs."""
    running = make_companions([group])
    for each in running:
        each.start()
    try:
        yield
    finally:
        for each in running:
            each.stop(STOP_SECONDS)
