"""Many people on real sockets of running servers: what they sent, were told, and saw.

async with Crowd(Member(one) for one in room) as crowd:
    await crowd.talk(messages=10_000)
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from websockets.asyncio import client as websockets
from websockets.typing import Origin

from tests.support.processes import PATIENCE
from tests.support.servers import ROOT, environment

Room = list[dict[str, Any]]
# Each person's replies are waited for when so many are on the way.
MAX_ON_THE_WAY = 20
ALIVE = "alive"


def make_rooms(database_url: str, *, rooms: int, size: int, url: str) -> list[Room]:
    """Chats, each a list of its members' {"url", "cookie", "chat"}, all signed in."""
    made = subprocess.run(
        [sys.executable, "bench/sessions.py", f"--rooms={rooms}", f"--size={size}", f"--url={url}"],
        cwd=ROOT,
        env=environment(database_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120 * PATIENCE,
        check=True,
    )
    found: list[Room] = json.loads(made.stdout)
    return found


def share_more_chats(database_url: str, room: Room, *, more: int) -> list[int]:
    """Puts everyone of the room into `more` further chats; returns all of their chats."""
    chat_id = room[0]["chat"]
    with psycopg.connect(database_url) as connection:
        made = connection.execute(
            "INSERT INTO chat_chat (kind, title, created_by_id, created_at, last_seq, revision,"
            " published_seq) SELECT kind, title, created_by_id, now(), 0, 0, 0"
            " FROM chat_chat, generate_series(1, %s) WHERE id = %s RETURNING id",
            (more, chat_id),
        ).fetchall()
        connection.execute(
            "INSERT INTO chat_membership (chat_id, user_id, role, notify, joined_at,"
            " delivered_seq, read_seq)"
            " SELECT chat.id, one.user_id, one.role, one.notify, now(), 0, 0"
            " FROM chat_membership AS one, chat_chat AS chat"
            " WHERE one.chat_id = %s AND chat.id = ANY(%s)",
            (chat_id, [pk for (pk,) in made]),
        )
    return [chat_id, *(pk for (pk,) in made)]


class Member:
    """One person on one socket; it carries all of their chats."""

    def __init__(self, sign_in: Mapping[str, Any], chat_ids: Sequence[int] = ()) -> None:
        self.url, self.cookie = sign_in["url"], sign_in["cookie"]
        self.chat_ids = list(chat_ids) or [sign_in["chat"]]
        self.is_welcome = False
        self.replies: dict[str, dict[str, Any]] = {}
        self.errors: list[dict[str, Any]] = []
        self.seen: dict[int, list[int]] = defaultdict(list)  # seqs by chat, as they came
        self.statuses: list[dict[str, Any]] = []
        self.reply_seconds: list[float] = []
        self._sent: dict[str, tuple[int, float]] = {}  # chat and time
        self._news = asyncio.Condition()

    async def open(self) -> None:
        self._socket = await websockets.connect(
            self.url,
            origin=Origin(f"http://{urlsplit(self.url).netloc}"),
            additional_headers={"Cookie": self.cookie},
            max_size=None,
            compression=None,
        )
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        self._reader.cancel()
        await self._socket.close()

    async def send(self, chat_id: int, content: str, *, request_id: str | None = None) -> None:
        """`request_id`: a UUID, the client's id of the message as well."""
        request_id = request_id or str(uuid4())
        self._sent[request_id] = chat_id, time.monotonic()
        frame = {
            "type": "message.send",
            "request_id": request_id,
            "chat_id": chat_id,
            "client_message_id": request_id,
            "content": content,
        }
        await self.say(frame)

    async def say(self, frame: Mapping[str, Any]) -> None:
        await self._socket.send(json.dumps(frame))

    async def until(self, what: Any, *, seconds: float = 60) -> None:
        """Waits until `what()` holds; looks again at every frame that arrives."""
        async with asyncio.timeout(seconds * PATIENCE), self._news:
            await self._news.wait_for(what)

    @property
    def on_the_way(self) -> int:
        return len(self._sent) - len(self.replies) - len(self.errors)

    def is_here(self) -> bool:
        return self.is_welcome

    def has(self, count: int) -> bool:
        return all(len(self.seen[chat_id]) >= count for chat_id in self.chat_ids)

    def told(self) -> Iterator[tuple[int, int]]:
        """What the replies said: chat and seq of each message that was saved."""
        for request_id, reply in self.replies.items():
            yield self._sent[request_id][0], reply["seq"]

    async def _read(self) -> None:
        async for frame in self._socket:
            for line in map(json.loads, str(frame).split("\n")):
                self._take(line)
                # As a browser does: whoever is silent for long is closed.
                if line["type"] == "heads":
                    await self.say({"type": "ping", "request_id": ALIVE})
            async with self._news:
                self._news.notify_all()

    def _take(self, line: dict[str, Any]) -> None:
        match line["type"]:
            case "welcome":
                self.is_welcome = True
            case "reply" if line["request_id"] != ALIVE:
                self.replies[line["request_id"]] = line
                self.reply_seconds.append(time.monotonic() - self._sent[line["request_id"]][1])
            case "error":
                self.errors.append(line)
            case "status":
                self.statuses.append(line)
            case "message.created":
                self._see(line["message"])
            case "chat.changes":
                for change in line["changes"]:
                    self._see(change["message"])

    def _see(self, message: dict[str, Any]) -> None:
        self.seen[message["chat_id"]].append(message["seq"])


class Crowd:
    def __init__(self, members: Iterable[Member]) -> None:
        self.members = list(members)
        self._leaving = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Everyone is here: of what was said before their welcome they would not be told."""
        async with AsyncExitStack() as opened:
            for member in self.members:
                await member.open()
                opened.push_async_callback(member.close)
            await asyncio.gather(*(member.until(member.is_here) for member in self.members))
            self._leaving = opened.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._leaving.aclose()

    async def talk(self, *, messages: int) -> None:
        """Everyone says their share; returns when every reply has come."""
        share, odd = divmod(messages, len(self.members))
        assert not odd, "everyone says as much"
        await asyncio.gather(*(self._say(member, share) for member in self.members))

    async def everyone_has(self, count: int, *, seconds: float = 60) -> None:
        """Waits until each member has seen `count` messages in each of their chats."""
        waiting = (m.until(partial(m.has, count), seconds=seconds) for m in self.members)
        await asyncio.gather(*waiting)

    async def _say(self, member: Member, count: int) -> None:
        for number in range(count):
            chat_id = member.chat_ids[number % len(member.chat_ids)]
            await member.send(chat_id, f"message {number}")
            await member.until(lambda: member.on_the_way < MAX_ON_THE_WAY)
        await member.until(lambda: member.on_the_way == 0)

    def told(self) -> dict[int, set[int]]:
        """What all replies said: the seqs by chat."""
        seqs: dict[int, set[int]] = defaultdict(set)
        for chat_id, seq in (told for member in self.members for told in member.told()):
            assert seq not in seqs[chat_id], "one seq was given twice"
            seqs[chat_id].add(seq)
        return seqs
