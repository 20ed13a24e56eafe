"""Whether a group's topics are all there: looked at now and then, beside the loop that reads them.

A client that lacks one is given the partitions of the others, and no error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from messaging.bus.base_adapter import BusAdapter
from messaging.errors import ConfigurationError, MessagingError
from messaging.operating.looks import Look
from messaging.outages import Outage

LOOK_SECONDS: Final = 30.0


class OwnTopics:
    def __init__(
        self, adapter: BusAdapter, topics: Sequence[str], *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._adapter = adapter
        self._topics = topics
        self._look = Look(self._find_lacking, silence="", fresh_seconds=look_seconds)
        self._outage = Outage("A topic of this group", calm_seconds=0.0)

    def are_there(self) -> bool:
        """By the last look. Never waits."""
        self._look.begin()
        return not self._look.latest

    def _find_lacking(self) -> list[str]:
        try:
            there = {found.topic for found in self._adapter.describe_topics(self._topics)}
        except ConfigurationError as error:
            lacking = [str(error)]
        except MessagingError:
            return self._look.latest  # nothing is known: Kafka is away, which others say
        else:
            lacking = [f"{topic} does not exist" for topic in self._topics if topic not in there]
        if lacking:
            self._outage.failed(", ".join(lacking))
        else:
            self._outage.worked()
        return lacking
