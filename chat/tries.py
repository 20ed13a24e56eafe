"""Counts tries in the cache, each counter over a window that begins with its first try.

For what is told by its number (chat/audit/sign_ins.py); what is refused is counted in chat/limits.
"""

from __future__ import annotations

import hashlib

from django.core.cache import cache


def key_of(*parts: str) -> str:
    # Hashed: a cache key has a limited length and alphabet, and names stay out of the cache.
    return "tries:" + hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def count(key: str, *, window_seconds: int) -> int:
    """Adds one and says how many there are; the window is not made longer by further ones."""
    cache.add(key, 0, window_seconds)
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out this very moment
        return 1
