"""Counts tries in the cache, each counter over a window that begins with its first try.

For what is told by its number (chat/audit/sign_ins.py); what is refused is counted in chat/limits.
"""

from __future__ import annotations

from django.core.cache import cache

from chat.limits.digests import digest_of


def key_of(*parts: str) -> str:
    # A cache key has a limited length and alphabet.
    return "tries:" + digest_of(*parts)


def count(key: str, *, window_seconds: int) -> int:
    """Adds one and says how many there are; the window is not made longer by further ones."""
    cache.add(key, 0, window_seconds)
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out this very moment
        return 1
