"""Asks Kafka now and then how far a group is, beside the loop that reads for it."""

from __future__ import annotations

import threading
from typing import Final

from messaging.bus.base_adapter import BusAdapter
from messaging.errors import MessagingError
from messaging.handling.consumer_state import Lag
from messaging.handling.registry import Registry
from messaging.operating.groups import read_group

ASK_SECONDS: Final = 10.0


class LagWatch:
    """`latest`: None while it is not known."""

    def __init__(
        self,
        adapter: BusAdapter,
        registry: Registry,
        group: str,
        *,
        every_seconds: float = ASK_SECONDS,
    ) -> None:
        self._adapter = adapter
        self._registry = registry
        self._group = group
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)
        self.latest: Lag | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                found = read_group(self._adapter, self._registry, self._group)
                self.latest = None if found.error else Lag(found.lag_records, found.lag_seconds)
            except MessagingError:
                self.latest = None
            self._stopping.wait(self._every_seconds)
