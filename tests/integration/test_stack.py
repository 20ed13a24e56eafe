"""The tests themselves run on what they claim to run on."""

from __future__ import annotations

import threading

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection

from tests.support import stack


@pytest.fixture
def is_on_services(request) -> bool:
    return request.config.getoption("stack") == "services"


class TestStack:
    def test_is_the_one_that_was_asked_for(self, is_on_services):
        assert connection.vendor == ("postgresql" if is_on_services else "sqlite")
        layer = type(get_channel_layer()).__name__
        assert layer == ("RedisLayer" if is_on_services else "InMemoryChannelLayer")

    @pytest.mark.postgresql
    def test_gives_each_worker_a_redis_database_of_its_own(self):
        assert settings.CACHES["default"]["LOCATION"].endswith(f"/{2 * stack.worker()}")

    @pytest.mark.django_db(transaction=True)
    def test_shows_other_threads_the_same_database(self):
        get_user_model().objects.create_user(username="ann", password="x")
        seen = []

        def look() -> None:
            seen.append(get_user_model().objects.filter(username="ann").exists())
            connection.close()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert seen == [True]

    def test_carries_what_is_sent_on_the_layer(self, unique):
        async def there_and_back() -> dict:
            layer = get_channel_layer()
            channel = await layer.new_channel()
            await layer.send(channel, {"type": "test", "text": unique("text")})
            return await layer.receive(channel)

        assert async_to_sync(there_and_back)()["type"] == "test"
