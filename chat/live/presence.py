"""Who is online in which small chat, as leases: each process regularly says who is connected to it,
and anyone not mentioned again has gone. Nothing is stored and nothing depends on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Set
from typing import Final

from chat.events.audiences import PRESENCE
from chat.events.hub_commands import HubCommand
from chat.live.hub.hub import Hub
from chat.live.hub.sockets import Socket
from chat.wire.payloads import Payload, to_line

LEASE_SECONDS: Final = 40.0
RENEW_SECONDS: Final = 15.0


class Presence:
    """The leases that this process knows. The hub reports everyone's through `heard`."""

    def __init__(self, hub: Hub, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._clock = clock
        self._until: dict[int, dict[int, float]] = {}  # by chat, then person
        hub.hear_presence = self.heard
        hub.hear_absence = self.forget

    def online_in(self, chat_id: int) -> list[int]:
        return list(self._until.get(chat_id, ()))

    def come(self, user_id: int, chat_ids: Iterable[int]) -> None:
        """Someone has connected here; the chats are small ones."""
        self._hub.publish([HubCommand.present(chat_id, user_id) for chat_id in chat_ids])

    def renew(self, small_chat_ids: Iterable[int]) -> None:
        """Renews the leases of those connected here, and drops those not renewed for too long."""
        rooms = [self._hub.rooms[pk] for pk in small_chat_ids if pk in self._hub.rooms]
        present = {
            (room.chat_id, socket.user_id)
            for room in rooms
            for socket in room.sockets
            if PRESENCE in socket.audiences
        }
        self._hub.publish([HubCommand.present(*one) for one in sorted(present)])
        self._expire()

    def heard(self, chat_id: int, user_id: int) -> None:
        if chat_id not in self._hub.rooms:
            return
        leases = self._until.setdefault(chat_id, {})
        is_new = user_id not in leases
        leases[user_id] = self._clock() + LEASE_SECONDS
        if is_new:
            self._tell(chat_id, user_id, online=True)

    def forget(self, user_id: int) -> None:
        """This person no longer wants to be seen."""
        for chat_id, leases in self._until.items():
            if leases.pop(user_id, None) is not None:
                self._tell(chat_id, user_id, online=False)

    def _expire(self) -> None:
        now = self._clock()
        for chat_id, leases in list(self._until.items()):
            if chat_id not in self._hub.rooms:
                del self._until[chat_id]
                continue
            for user_id in [user_id for user_id, until in leases.items() if until <= now]:
                del leases[user_id]
                self._tell(chat_id, user_id, online=False)

    def tell_socket(self, socket: Socket, user_ids: Set[int], *, online: bool) -> None:
        """Tells it that these people, if they are here, have come or gone."""
        if PRESENCE not in socket.audiences:
            return
        for chat_id in socket.chat_ids:
            for user_id in self._until.get(chat_id, {}).keys() & user_ids:
                self._hub.put(socket, to_line(_line(chat_id, user_id, online=online)))

    def _tell(self, chat_id: int, user_id: int, *, online: bool) -> None:
        line = _line(chat_id, user_id, online=online)
        self._hub.deliver([HubCommand.to_audience(PRESENCE, chat_id, line, about=user_id)])


def _line(chat_id: int, user_id: int, *, online: bool) -> Payload:
    return {"type": "presence", "chat_id": chat_id, "user_id": user_id, "online": online}
