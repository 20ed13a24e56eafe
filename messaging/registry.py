"""Which functions are called with which events. Knows nothing of where events come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings

from messaging.events import Event
from messaging.projections import MakeProjection

# The group of handlers without one of their own. Receipts carry this name, whatever the group is
# called on the broker: a renamed KAFKA_GROUP_ID reads everything again and has no second effect.
MAIN_GROUP = "webchat-group"

Handle = Callable[[Sequence[Event]], None]
AnyHandle = TypeVar("AnyHandle", bound=Handle)


@dataclass(frozen=True, slots=True)
class Handler:
    name: str
    topic: str
    group: str
    function: Handle
    is_last: bool = False


class Registry:
    def __init__(self) -> None:
        self._handlers: list[Handler] = []
        self._projections: dict[tuple[str, str], MakeProjection] = {}

    def handler(
        self, *, topic: str, name: str, group: str = MAIN_GROUP, is_last: bool = False
    ) -> Callable[[AnyHandle], AnyHandle]:
        """Subscribes a function to a topic.

        It gets events in order, runs in the transaction that writes its receipts, and sees each
        event once. What must follow the commit goes through `transaction.on_commit`. It raises
        RetryableError when something it needs is away; anything else counts against the event.
        One that takes a lock for which others wait is called after all others (`is_last`).
        """

        def register(function: AnyHandle) -> AnyHandle:
            if any((h.group, h.name, h.topic) == (group, name, topic) for h in self._handlers):
                raise ValueError(f"Group {group} has a handler {name!r} for {topic} already.")
            self._handlers.append(Handler(name, topic, group, function, is_last))
            return function

        return register

    def projection(
        self, *, handler: str, group: str = MAIN_GROUP
    ) -> Callable[[MakeProjection], MakeProjection]:
        """Says how what a handler made can be made once more: see messaging/projections.py."""

        def register(projection: MakeProjection) -> MakeProjection:
            self._projections[group, handler] = projection
            return projection

        return register

    def find_projection(self, handler: str, group: str) -> MakeProjection | None:
        return self._projections.get((group, handler))

    def handlers_of(self, group: str) -> list[str]:
        """The names of all of the group's, each once."""
        return sorted({handler.name for handler in self._handlers if handler.group == group})

    def topics_of(self, handler: str, group: str) -> list[str]:
        found = (h for h in self._handlers if h.group == group and h.name == handler)
        return sorted({h.topic for h in found})

    def groups(self) -> list[str]:
        return sorted({handler.group for handler in self._handlers})

    def topics(self, group: str) -> list[str]:
        return sorted({handler.topic for handler in self._handlers if handler.group == group})

    def handlers(self, topic: str, group: str) -> list[Handler]:
        return [h for h in self._handlers if h.topic == topic and h.group == group]


registry = Registry()
handler = registry.handler
projection = registry.projection


def broker_group_id(group: str) -> str:
    """What the group is called on the broker."""
    return settings.KAFKA.group_id if group == MAIN_GROUP else group
