"""Which functions are called with which events. Does not know where events come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings

from messaging.contract.events import Event
from messaging.handling.projections import MakeProjection

# The default group of handlers. Handled events carry this name, whatever the group is called on the
# broker: a renamed KAFKA_GROUP_ID reads everything again and has no second effect.
MAIN_GROUP = "webchat-group"

Handle = Callable[[Sequence[Event]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """Subscribes a function to a topic.

    It gets events in order, runs in the transaction that records them as handled, and sees each
    event once. Work after the commit goes through `transaction.on_commit`. It raises RetryableError
    when a dependency is down; anything else counts against the event. A handler that takes a lock
    for which others wait is called after all others (`is_last`).
    """

    topic: str
    name: str
    function: Handle
    group: str = MAIN_GROUP
    # None: all of the topic's types.
    event_types: frozenset[str] | None = None
    is_last: bool = False
    # How its result can be rebuilt.
    projection: MakeProjection | None = None
    # Whether anything could come of its events now; None: always.
    has_work: Callable[[], bool] | None = None

    def handle(self, events: Sequence[Event]) -> None:
        """Those events that it is subscribed to."""
        types = self.event_types
        own = events if types is None else [e for e in events if e.event_type in types]
        if own:
            self.function(own)


class Registry:
    def __init__(self, handlers: Iterable[Handler] = ()) -> None:
        self._handlers: list[Handler] = []
        self.add(*handlers)

    def add(self, *handlers: Handler) -> None:
        """Raises ValueError when the group already has one with the same name and topic."""
        for new in handlers:
            group, name, topic = new.group, new.name, new.topic
            if any(h.name == name and h.topic == topic for h in self._of(group)):
                raise ValueError(f"Group {group} already has a handler {name!r} for {topic}.")
            self._handlers.append(new)

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._handlers)

    def find_projection(self, handler: str, group: str) -> MakeProjection | None:
        found = (h.projection for h in self._of(group) if h.name == handler)
        return next(found, None)

    def handlers_of(self, group: str) -> list[str]:
        """The names of all of the group's, each once."""
        return sorted({handler.name for handler in self._of(group)})

    def topics_of(self, handler: str, group: str) -> list[str]:
        return sorted({h.topic for h in self._of(group) if h.name == handler})

    def groups(self) -> list[str]:
        return sorted({handler.group for handler in self._handlers})

    def is_idle(self, group: str) -> bool:
        """Whether none of the group's handlers has anything to do: then nobody need run it."""
        return not any(h.has_work is None or h.has_work() for h in self._of(group))

    def topics(self, group: str) -> list[str]:
        return sorted({handler.topic for handler in self._of(group)})

    def handlers(self, topic: str, group: str) -> list[Handler]:
        return [handler for handler in self._of(group) if handler.topic == topic]

    def _of(self, group: str) -> list[Handler]:
        return [handler for handler in self._handlers if handler.group == group]


# This process's registry: each app adds its table when it is ready.
registry = Registry()


def broker_group_id(group: str) -> str:
    """What the group is called on the broker."""
    return settings.KAFKA.group_id if group == MAIN_GROUP else group
