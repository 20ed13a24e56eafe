"""What is going on at once, counted in this process."""

from __future__ import annotations

import threading
from collections import Counter


class Held:
    """How often each key is held now. Those that nobody holds take no memory."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()

    def hold(self, key: str, *, most: int) -> bool:
        """False when it is held as often as it may be (0: without limit)."""
        with self.lock:
            if most and self.counts[key] >= most:
                return False
            self.counts[key] += 1
            return True

    def let_go(self, key: str) -> None:
        with self.lock:
            self.counts[key] -= 1
            if self.counts[key] <= 0:
                del self.counts[key]
