"""People that behave like people: they write now and then, and show before that they are typing;
read what arrives and say so; look back in history; lose their connection and come back.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from tests.support.crowd import ALIVE, Member

SECONDS_OF_TYPING = 3
HISTORY_EVERY, RECONNECT_EVERY = 60, 300  # seconds, of each person


class Person(Member):
    """`arrival_seconds`: from sending to arrival of others' messages, on the same clock."""

    def __init__(self, *arguments: Any, seed: int = 0) -> None:
        super().__init__(*arguments)
        self.arrival_seconds: list[float] = []
        self.reconnects = self.receipts = 0
        self._chance = random.Random(seed)
        self._to_report: dict[int, int] = {}  # seq by chat
        self._typing_left = 0  # seconds until what is being typed is sent
        self._chat_id = self.chat_ids[0]

    async def live(self, seconds: float, *, writes_every: float) -> None:
        await asyncio.sleep(self._chance.random())  # nobody's seconds are anybody else's
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            await self._report()
            await self._write(writes_every)
            if self._happens_every(HISTORY_EVERY):
                await self._ask("chat.history", before_seq=self._last_seq())
            if self._happens_every(RECONNECT_EVERY):
                await self.reconnect()
            await asyncio.sleep(1)

    async def reconnect(self) -> None:
        """And syncs, from the newest change that it knows."""
        await self.until(lambda: self.on_the_way == 0)
        await self.close()
        self.is_welcome = False
        await self.open()
        await self.until(self.is_here)
        self.reconnects += 1
        await self._ask("chat.sync", revision=self._last_seq())

    async def _report(self) -> None:
        """What arrived within the last second was read."""
        waiting, self._to_report = self._to_report, {}
        for chat_id, seq in waiting.items():
            self.receipts += 1
            cursors = {"delivered_seq": seq, "read_seq": seq}
            await self.say({"type": "receipt", "chat_id": chat_id, **cursors})

    async def _write(self, every: float) -> None:
        if self._typing_left:
            self._typing_left -= 1
            if not self._typing_left:
                await self.send(self._chat_id, f"message at {time.monotonic():.6f}")
        elif self._happens_every(every):
            self._chat_id = self._chance.choice(self.chat_ids)
            self._typing_left = SECONDS_OF_TYPING
            await self.say({"type": "typing", "chat_id": self._chat_id})

    async def _ask(self, kind: str, **fields: int) -> None:
        """Nobody waits for the answer."""
        asked = {"type": kind, "request_id": ALIVE, "chat_id": self._chat_id}
        await self.say(asked | fields)

    def _last_seq(self) -> int:
        return max(self.seen[self._chat_id], default=0)

    def _happens_every(self, seconds: float) -> bool:
        return self._chance.random() < 1 / seconds

    def _take(self, line: dict[str, Any]) -> None:
        if line["type"] == "message.created":
            self._arrived(line["message"])
        super()._take(line)

    def _arrived(self, message: dict[str, Any]) -> None:
        sent_at = float(message["content"].rpartition(" ")[2])
        self.arrival_seconds.append(time.monotonic() - sent_at)
        self._to_report[message["chat_id"]] = message["seq"]
