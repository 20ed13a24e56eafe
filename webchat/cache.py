"""The cache of all processes: counters of tries, mostly. Never the only place of anything."""

from __future__ import annotations

import time
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from messaging.outages import REDIS

# So long nobody waits for a Redis that did not answer.
REST_SECONDS = 10.0


class SharedCache(RedisCache):
    """Redis; while it does not answer, this process's own memory, so that signing in goes on."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._own = LocMemCache("while-redis-is-away", {})
        self._resting_until = 0.0

    def add(self, *args: Any, **options: Any) -> Any:
        return self._try("add", *args, **options)

    def get(self, *args: Any, **options: Any) -> Any:
        return self._try("get", *args, **options)

    def set(self, *args: Any, **options: Any) -> Any:
        return self._try("set", *args, **options)

    def delete(self, *args: Any, **options: Any) -> Any:
        return self._try("delete", *args, **options)

    def incr(self, *args: Any, **options: Any) -> Any:
        return self._try("incr", *args, **options)

    def _try(self, name: str, *args: Any, **options: Any) -> Any:
        if time.monotonic() >= self._resting_until:
            try:
                answer = getattr(super(), name)(*args, **options)
            except RedisError as error:
                self._resting_until = time.monotonic() + REST_SECONDS
                REDIS.failed(f"the cache ({type(error).__name__})")
            else:
                REDIS.worked()
                return answer
        return getattr(self._own, name)(*args, **options)
