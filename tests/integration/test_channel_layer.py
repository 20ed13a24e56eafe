"""The layer between processes on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis as Client

from tests.support.services import RedisServer
from webchat.channel_layer import RedisLayer
from webchat.environment import Environment

MESSAGES = 100


@pytest.fixture
async def layer(redis: RedisServer) -> AsyncIterator[RedisLayer]:
    """As the settings make it."""
    configured = Environment({}).channel_layer(redis.url)
    layer = RedisLayer(**configured["CONFIG"])
    yield layer
    await layer.close_pools()


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Redis was asked, by name."""
    asked: list[str] = []
    execute_command = Client.execute_command

    async def note(self: Any, name: str, *arguments: Any, **options: Any) -> Any:
        asked.append(name)
        return await execute_command(self, name, *arguments, **options)

    monkeypatch.setattr(Client, "execute_command", note)
    return asked


class TestReceive:
    async def test_takes_all_that_waits_in_one_round_trip_and_in_order(
        self, layer: RedisLayer, questions: list[str]
    ) -> None:
        channel = await layer.new_channel("hub")
        for number in range(MESSAGES):
            await layer.send(channel, {"type": "told", "number": number})
        questions.clear()
        received = [(await layer.receive(channel))["number"] for _ in range(MESSAGES)]
        assert received == list(range(MESSAGES))
        assert questions == ["ZPOPMIN"]

    async def test_brings_what_is_sent_to_a_group(self, layer: RedisLayer) -> None:
        one, other = await layer.new_channel("hub"), await layer.new_channel("hub")
        for channel in (one, other):
            await layer.group_add("hubs", channel)
        for number in (1, 2):
            await layer.group_send("hubs", {"type": "told", "number": number})
        for channel in (one, other):
            assert [(await layer.receive(channel))["number"] for _ in range(2)] == [1, 2]

    async def test_waits_for_what_comes(self, layer: RedisLayer) -> None:
        layer.brpop_timeout = 1  # and asks again
        channel = await layer.new_channel("hub")
        receiving = asyncio.create_task(layer.receive(channel))
        await asyncio.sleep(0)
        await layer.send(channel, {"type": "told"})
        assert await receiving == {"type": "told"}
