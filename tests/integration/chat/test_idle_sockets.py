"""A socket that only listens keeps little of how it came in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.integration.chat.conftest import in_thread
from tests.support import people
from tests.support.sockets import ChatSocket

# The way in, the consumer, and what it waits for (here the test client's queue).
MAX_COROUTINES = 3


async def idle_socket() -> ChatSocket:
    ann = await in_thread(people.make_person, "ann")
    socket = ChatSocket(await in_thread(people.session_cookie, ann))
    await socket.open()
    await socket.ask("ping")  # the welcome is long over
    return socket


def coroutines_of(socket: ChatSocket) -> Iterator[Any]:
    """Of its task, from the outermost on."""
    coroutine = socket.communicator.future.get_coro()
    while coroutine is not None and hasattr(coroutine, "cr_frame"):
        yield coroutine
        coroutine = coroutine.cr_await


class TestIdleSocket:
    async def test_keeps_nothing_of_its_handshake(self, live):
        socket = await idle_socket()
        assert socket.communicator.scope == {}
        await socket.leave()

    async def test_keeps_few_coroutines(self, live):
        socket = await idle_socket()
        waiting = [each.__qualname__ for each in coroutines_of(socket)]
        assert 1 < len(waiting) <= MAX_COROUTINES, waiting
        await socket.leave()
