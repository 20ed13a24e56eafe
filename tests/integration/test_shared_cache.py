"""The cache of all processes on a real Redis, and without it."""

from __future__ import annotations

import pytest

from tests.support.services import Redis
from webchat.cache import SharedCache
from webchat.environment import Environment


def cache_on(url: str) -> SharedCache:
    """As the settings make it, as often as there are processes."""
    configured = Environment({}).cache(url)
    return SharedCache(configured["LOCATION"], configured)


@pytest.fixture
def own_redis():
    with Redis() as running:
        yield running


class TestSharedCache:
    def test_counts_for_all_processes_together(self, redis, unique):
        one, other = cache_on(redis.url), cache_on(redis.url)
        key = unique("tries")
        one.add(key, 0, 60)
        assert [one.incr(key), other.incr(key), one.get(key)] == [1, 2, 2]
        other.delete(key)
        assert one.get(key) is None

    def test_goes_on_in_memory_while_redis_is_away(self, own_redis):
        cache = cache_on(own_redis.url)
        cache.add("tries", 0, 60)
        own_redis.kill()
        cache.add("tries", 0, 60)
        assert [cache.incr("tries"), cache.incr("tries"), cache.decr("tries")] == [1, 2, 1]

    def test_does_not_wait_for_it_each_time(self, own_redis, monkeypatch):
        cache = cache_on(own_redis.url)
        own_redis.kill()
        cache.get("tries")
        asked: list[object] = []
        monkeypatch.setattr("django.core.cache.backends.redis.RedisCache.get", asked.append)
        cache.get("tries")
        assert asked == []
