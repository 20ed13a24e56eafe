"""The chat with its live part, on a database that several threads see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from channels_redis.core import RedisChannelLayer
from django.db import connections

from chat.events.hub_commands import HubCommand, use_hub
from chat.limits.buckets import Buckets
from chat.limits.counting import Counter, counter, use_counter
from chat.live import runtime as runtime_module
from chat.live.hub import layer_link
from chat.live.runtime import forget_runtime, stop_runtime
from chat.models import Chat, User
from tests.support import needs, people
from tests.support.people import Clock
from tests.support.processes import PATIENCE
from tests.support.services import Redis, ServiceMissing
from tests.support.sockets import ChatSocket
from webchat.environment import Environment

Result = TypeVar("Result")
Connect = Callable[..., Any]
Told = Callable[[Callable[[], object]], list[HubCommand]]


async def in_thread(function: Callable[..., Result], *arguments: Any, **fields: Any) -> Result:
    """Database work of an async test: the loop's own thread must not wait for a database."""
    return await sync_to_async(function)(*arguments, **fields)


async def until(condition: Callable[[], object], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds * PATIENCE):
        while not condition():  # noqa: ASYNC110  (of things that announce nothing)
            await asyncio.sleep(0.01)


async def until_true(condition: Callable[[], Any], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds * PATIENCE):
        while not await condition():  # noqa: ASYNC110  (the database announces nothing)
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """What other tests did is not counted: a person's number comes again in each."""
    used = counter()
    used.clear()
    yield
    use_counter(used)


@pytest.fixture
def frozen_counts() -> Clock:
    """Nothing is given back by time alone, however slow the machine; `move` lets it pass."""
    clock = Clock()
    use_counter(Counter(Buckets(clock)))
    return clock


@pytest.fixture
def time_that_sleep_moves(frozen_counts: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Whoever is paced waits for no real second; the clock's `now` tells for how long."""

    async def sleep(seconds: float) -> None:
        frozen_counts.move(seconds)

    frozen_counts.now = 0.0
    monkeypatch.setattr("chat.limits.counting.sleep", sleep)
    return frozen_counts


@pytest.fixture
def ann(db: None) -> User:
    return people.make_person("ann")


@pytest.fixture
def bob(db: None) -> User:
    return people.make_person("bob")


@pytest.fixture
def chat(ann: User, bob: User) -> Chat:
    """A group of the two, nothing said yet."""
    return people.make_group(ann, bob)


@pytest.fixture
def told(django_capture_on_commit_callbacks: Any) -> Told:
    """`told(change)`: what a change said to the hubs."""

    def run(change: Callable[[], object]) -> list[HubCommand]:
        said: list[HubCommand] = []
        use_hub(said.extend)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                change()
        finally:
            use_hub(None)
        return said

    return run


@pytest.fixture
async def live(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Stops hub, poster and watch at the end, and closes every thread's connection."""
    # Clients of these tests answer no close.
    monkeypatch.setattr(runtime_module, "CLOSING_SECONDS", 0.0)
    yield
    await stop_runtime()
    forget_runtime()
    await forget_layer()
    await sync_to_async(connections.close_all)()


async def forget_layer() -> None:
    """A cancelled `receive` may leave a lock behind on the layer, of a loop that has ended."""
    layer = channel_layers.backends.pop("default", None)
    if isinstance(layer, RedisChannelLayer):
        await layer.close_pools()


@pytest.fixture
async def connect(live: None) -> AsyncIterator[Connect]:
    """`await connect(person)`: a socket that has had its welcome."""
    sockets: list[ChatSocket] = []

    async def open_socket(person: User, **options: Any) -> ChatSocket:
        cookie = await in_thread(people.session_cookie, person)
        socket = ChatSocket(cookie, **options)
        sockets.append(socket)
        return await socket.open()

    yield open_socket
    for socket in sockets:
        await socket.leave()


@pytest.fixture(scope="module")
def own_redis() -> Iterator[Redis]:
    """One that may be killed."""
    try:
        redis = Redis()
    except ServiceMissing as lack:
        needs.absent(str(lack))
    with redis:
        yield redis


@pytest.fixture
async def layer_on_redis(
    own_redis: Redis, settings: Any, monkeypatch: pytest.MonkeyPatch, live: None
) -> AsyncIterator[Redis]:
    """Our hub on a Redis of its own, and quick to come back."""
    settings.REDIS_URL = own_redis.url
    settings.CHANNEL_LAYERS = {"default": Environment({}).channel_layer(own_redis.url)}
    monkeypatch.setattr(layer_link, "MAX_PAUSE_SECONDS", 0.2)
    monkeypatch.setattr(layer_link, "PATIENCE_SECONDS", 2.0)
    yield own_redis
    await stop_runtime()
    forget_runtime()
    await forget_layer()
