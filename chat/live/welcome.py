"""The first line of a socket: who the person is, and the state of all of their chats."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from chat.content.text import CONTENT_LENGTH
from chat.database.threads import DATABASE_AWAY
from chat.events.audiences import PRESENCE
from chat.live.hub.sockets import Socket
from chat.live.runtime import Runtime
from chat.live.together import Answer, Question, Together
from chat.models import User
from chat.reads.summaries import SMALL_CHAT_MEMBERS
from chat.wire.payloads import Payload, person_payload, timestamp, to_line
from chat.wire.protocol import MAX_FRAME_BYTES, PROTOCOL_VERSION


async def welcome(runtime: Runtime, socket: Socket, user: User, language: str) -> None:
    """Registers first, then reads: a change in between arrives twice, and one copy is dropped."""
    hub = runtime.hub
    hub.register(socket)
    if runtime.is_draining:
        # It came while the others were sent away.
        await runtime.send_away([socket])
        return
    rooms = await _read(runtime.rooms, user.pk)
    if socket.apart is None:
        # Otherwise somebody was blocked in the meantime, and a later check has found it.
        socket.apart = rooms.apart
    for chat_id in rooms.chat_ids:
        hub.join(socket, chat_id)
    standing = await _read(runtime.standings, user)
    listed = {chat["id"] for chat in standing.chats}
    for chat_id in listed - rooms.chat_ids:
        hub.join(socket, chat_id)
    for chat_id in rooms.chat_ids - listed:
        hub.leave(socket, chat_id)
    # Anyone removed since the second read has already been taken out of the room.
    chats = [chat for chat in standing.chats if chat["id"] in socket.chat_ids]
    shows_presence = PRESENCE in socket.audiences
    for chat in chats:
        chat["present"] = _present(runtime, socket, chat["id"]) if shows_presence else []
    shown = _payload(user, language, chats, standing.unseen)
    line = to_line({**shown, "blocked": standing.blocked})
    hub.welcome(socket, line, {chat["id"]: chat["revision"] for chat in chats})
    small = [chat["id"] for chat in chats if chat["member_count"] <= SMALL_CHAT_MEMBERS]
    runtime.presence.come(user.pk, small if shows_presence else [])


def _payload(user: User, language: str, chats: list[Payload], unseen: Payload) -> Payload:
    return {
        "type": "welcome",
        "protocol": PROTOCOL_VERSION,
        "user": {**person_payload(user), "language": language},
        "chats": chats,
        "notifications": unseen,
        "limits": {"content": CONTENT_LENGTH, "frame": MAX_FRAME_BYTES},
        "time": timestamp(datetime.now(UTC)),
    }


def _present(runtime: Runtime, socket: Socket, chat_id: int) -> list[int]:
    hidden = socket.apart or frozenset()
    return [pk for pk in runtime.presence.online_in(chat_id) if pk not in hidden]


async def _read(together: Together[Question, Answer], question: Question) -> Answer:
    """Waits while the database is down: a new socket has nothing else to do."""
    while True:
        try:
            return await together.ask(question)
        except DATABASE_AWAY:
            await asyncio.sleep(1)
