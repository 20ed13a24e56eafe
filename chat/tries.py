"""Counts tries in the cache, each counter over a window that begins with its first try."""

from __future__ import annotations

import contextlib
import hashlib
import time

from django.core.cache import cache


def key_of(*parts: str) -> str:
    # Hashed: a cache key has a limited length and alphabet, and names stay out of the cache.
    return "tries:" + hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def count(key: str, *, window_seconds: int) -> int:
    """Adds one and says how many there are; the window is not made longer by further ones."""
    cache.add(_since(key), time.time(), window_seconds)
    cache.add(key, 0, window_seconds)
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out this very moment
        return 1


def wait_seconds(key: str, *, most: int, window_seconds: int) -> int:
    """Counts a try; how long to wait when it is one too many in its window, else 0."""
    if count(key, window_seconds=window_seconds) > most:
        return seconds_left(key, window_seconds=window_seconds)
    return 0


def uncount(key: str) -> None:
    with contextlib.suppress(ValueError):
        cache.decr(key)


def read(key: str) -> int:
    return int(cache.get(key) or 0)


def forget(key: str) -> None:
    cache.delete(key)


def seconds_left(key: str, *, window_seconds: int) -> int:
    """Until the window ends."""
    since = cache.get(_since(key)) or time.time()
    return max(1, round(since + window_seconds - time.time()))


def _since(key: str) -> str:
    return f"{key}:since"
