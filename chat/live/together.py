"""Reads in groups: what is asked while one read runs waits, and is read together with the next.

As the poster does with posts. A read of twenty people's chats takes hardly more queries than one of
a single person's: this is what lets a crowd in that comes back at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from chat.database.threads import DATABASE_AWAY, DatabaseThreads

Question = TypeVar("Question")
Answer = TypeVar("Answer")

# A larger group would keep the interpreter for longer from who talks meanwhile.
MAX_TOGETHER: Final = 20


class Together(Generic[Question, Answer]):
    """Belongs to one event loop. `read` answers each of some questions, in their order."""

    def __init__(
        self, threads: DatabaseThreads, read: Callable[[Sequence[Question]], Sequence[Answer]]
    ) -> None:
        self._threads = threads
        self._read = read
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Raises what the read raises."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="together")
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                size = min(len(self._waiting), MAX_TOGETHER)
                group = [self._waiting.popleft() for _ in range(size)]
                # Whoever has gone meanwhile need not be answered.
                await self._answer([one for one in group if not one[1].done()])
        finally:
            self._running = None

    async def _answer(self, group: list[tuple[Question, asyncio.Future[Answer]]]) -> None:
        if not group:
            return
        try:
            answers = await self._threads.run(self._read, [question for question, _ in group])
        except Exception as error:  # noqa: BLE001
            # Each is told of its own: one that cannot be read must not hold back the others.
            if len(group) > 1 and not isinstance(error, DATABASE_AWAY):
                for one in group:
                    await self._answer([one])
                return
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), given in zip(group, answers, strict=True):
            if not answer.done():
                answer.set_result(given)
