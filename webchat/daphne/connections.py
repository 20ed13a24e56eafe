"""How many connections a process takes: in all, and from one address.

One socket is one descriptor. Some are kept for the database, Redis, Kafka and files, and one
address gets no more than half of what is left: the others find room. Trusted proxies carry
everybody's connections and count nowhere but in the whole.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

from chat.addresses import address_group, parse_address

logger = logging.getLogger(__name__)

KEPT_DESCRIPTORS = 256
LOG_EVERY_SECONDS = 60.0


def max_connections(descriptors: int) -> int:
    """Of so many descriptors: all but those that are kept; of few, three quarters."""
    return max(descriptors - KEPT_DESCRIPTORS, descriptors * 3 // 4 if descriptors < 1024 else 0)


class Connections:
    """`max_per_address` 0: only the half counts. `is_proxy` knows trusted proxies by address."""

    def __init__(
        self, *, most: int, max_per_address: int, is_proxy: Callable[[str | None], bool]
    ) -> None:
        self.most = most
        self._max_per_address = max_per_address
        self._is_proxy = is_proxy
        self._by_group: Counter[str] = Counter()
        self.count = 0
        self._closed: Counter[str] = Counter()
        self._told_at = -LOG_EVERY_SECONDS

    def admits(self, address: str | None) -> bool:
        """Of a peer; None for a Unix socket."""
        is_admitted = self.count < self.most and not self._has_too_many(address)
        if not is_admitted:
            self.note_closed("too many")
        return is_admitted

    def take(self, address: str | None) -> Callable[[], None]:
        """Counts a connection; returns what is to be called at its end."""
        group = "" if self._is_proxy(address) or address is None else address_group(address)
        self.count += 1
        self._by_group[group] += 1

        def give_back() -> None:
            self.count -= 1
            self._by_group[group] -= 1
            if not self._by_group[group]:
                del self._by_group[group]

        return give_back

    def note_closed(self, why: str) -> None:
        """Told once a minute at most: whoever attacks shall not fill the logs."""
        self._closed[why] += 1
        now = time.monotonic()
        if now - self._told_at >= LOG_EVERY_SECONDS:
            self._told_at = now
            logger.warning("connections were closed", extra={"why": dict(self._closed)})
            self._closed.clear()

    def _has_too_many(self, address: str | None) -> bool:
        if address is None or self._is_proxy(address):
            return False
        return self._by_group[address_group(address)] >= self._max_of(address)

    def _max_of(self, address: str) -> int:
        """This machine itself (an unnamed proxy, a load test) is bound by the half only."""
        half = max(1, self.most // 2)
        parsed = parse_address(address)
        is_here = parsed is not None and parsed.is_loopback
        return half if is_here or not self._max_per_address else min(half, self._max_per_address)
