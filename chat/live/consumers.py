"""One browser's socket: takes its frames, answers each, and survives bad ones.

Holds no logic: frames become posts, receipts or requests. What others do arrives through the hub.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import translation

from chat.addresses import address_group, client_address
from chat.database.threads import DATABASE_AWAY
from chat.errors import (
    BadFrameError,
    ChatError,
    NotFoundError,
    TooManyError,
    UnavailableError,
    UnknownTypeError,
)
from chat.events.audiences import PRESENCE, audiences_of
from chat.events.hub_commands import HubCommand
from chat.limits.buckets import Bucket
from chat.limits.counting import Count, keep_pace, slow_down, take, take_in_turn
from chat.limits.doors import is_decided_here, knock, rule_of
from chat.limits.sockets import Place, socket_places
from chat.limits.table import FRAMES, MESSAGES, TYPING
from chat.live.frames import REQUESTS, Request
from chat.live.hub.sockets import WRITE_TEXT, Socket
from chat.live.opening import come_back_later
from chat.live.runtime import Runtime, runtime
from chat.live.welcome import welcome
from chat.models import User
from chat.requests.messages import new_post, posted_payload
from chat.requests.receipts import cursors_of
from chat.services.posting.posts import Outcome
from chat.wire.payloads import Payload, to_line
from chat.wire.protocol import (
    MAX_FRAME_BYTES,
    PROTOCOL_ERROR,
    CloseCode,
    Frame,
    parse_frame,
    request_id_of,
)

logger = logging.getLogger(__name__)

# How many actions of one socket may wait for the database; the next one is told to come back later.
MAX_WAITING_ACTIONS: Final = 64
# A refused frame counts as this many in the pace at which a person's frames are read.
COUNT_OF_A_REFUSED_FRAME: Final = 5
# This many refused frames at once, or this many a second over time, are not an accident.
MAX_REFUSED_FRAMES: Final = 300
MAX_REFUSED_PER_SECOND: Final = 5
TURNED_AWAY_RETRY_SECONDS: Final = 5
# A page whose turn is further off is refused; the browser waits 15 s for an answer.
MAX_WAIT_SECONDS: Final = 5.0


class ChatConsumer(AsyncWebsocketConsumer):
    # No channel of its own: the hub has one for the whole process.
    channel_layer_alias = "none"

    user: User
    runtime: Runtime
    socket: Socket
    place: Place | None = None
    worker: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Without a channel there is only one source of messages: none needs a task of its own."""
        self.scope, self.base_send = scope, send
        self.language = scope.get("language") or settings.LANGUAGE_CODE
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            self._forget()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Straight to the handler: database connections belong to the threads, not to frames."""
        await getattr(self, get_handler_name(message))(message)

    async def connect(self) -> None:
        self.socket_is_open = False
        user = self.scope.get("user")
        await self.accept()
        if user is None or not user.is_authenticated:
            await self._close_with(CloseCode.SIGNED_OUT)
            return
        self.user, self.runtime = user, runtime()
        try:
            await self._find_place()
        except TooManyError as error:
            await self._turn_away(error)
            return
        except DATABASE_AWAY:
            # Its threads have ended: so does the process.
            await self._close_with(CloseCode.RESTARTING)
            return
        self.socket = Socket(
            user_id=user.pk,
            user_name=user.name,
            session_key=self.scope["session"].session_key or "",
            send=self.base_send,
            close=self._close_with,
            write=self.scope.get("extensions", {}).get(WRITE_TEXT, {}).get("write"),
            audiences=audiences_of(user),
            apart=None,
        )
        self.socket_is_open = True
        self.patience = Bucket(per_second=MAX_REFUSED_PER_SECOND, burst=MAX_REFUSED_FRAMES)
        self.typed_at: dict[int, float] = {}  # by chat
        self.pace = Count(FRAMES, user.pk)
        self.actions: list[Callable[[], Awaitable[None]]] = []
        self._enqueue(partial(welcome, self.runtime, self.socket, self.user, self.language))
        # Headers, cookies and session: nobody needs them as long as the socket lives.
        self.scope.clear()

    async def disconnect(self, code: int) -> None:
        if code == PROTOCOL_ERROR and getattr(self, "socket_is_open", False):
            come_back_later(self.socket.session_key)
        self._forget()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not getattr(self, "socket_is_open", False):
            return
        await keep_pace(self.pace)
        if self.socket.is_closed:
            return
        self.socket.heard()
        frame = None
        try:
            if text_data is None:
                raise BadFrameError
            frame = parse_frame(text_data)
            await self._handle(frame)
        except ChatError as error:
            request_id = frame.request_id if frame else self._request_id(text_data)
            await self._refuse(error, request_id)
        except Exception:
            # The edge: an exception that escaped would close the socket without explanation.
            logger.exception("a frame failed", extra=self._ids(frame))
            await self._refuse(ChatError(), frame.request_id if frame else None)

    async def _handle(self, frame: Frame) -> None:
        match frame.type:
            case "message.send":
                self._send_message(frame)
            case "receipt":
                self._receipt(frame)
            case "typing":
                self._typing(frame)
            case "ping":
                self._put({"type": "reply", "request_id": frame.request_id})
            case other if request := REQUESTS.get(other):
                self._enqueue(partial(self._act, request, frame))
            case _:
                raise UnknownTypeError

    # Frames

    def _send_message(self, frame: Frame) -> None:
        post = new_post(self.user, frame)
        take(Count(MESSAGES, self.user.pk))
        self.runtime.poster.submit(post, partial(self._answer_post, frame.request_id))

    def _answer_post(self, request_id: str | None, outcome: Outcome) -> None:
        if isinstance(outcome, ChatError):
            self._put(self._error(outcome, request_id))
        else:
            self._put({"type": "reply", "request_id": request_id, **posted_payload(outcome)})

    def _receipt(self, frame: Frame) -> None:
        chat_id = frame.id("chat_id")
        if chat_id not in self.socket.chat_ids:
            raise NotFoundError
        self.runtime.receipts.add(chat_id, self.user.pk, cursors_of(frame))

    def _typing(self, frame: Frame) -> None:
        chat_id = frame.id("chat_id")
        if chat_id not in self.socket.chat_ids:
            raise NotFoundError
        now = time.monotonic()
        is_shown = PRESENCE in self.socket.audiences
        pause = TYPING.window_seconds / TYPING.amount if TYPING.amount else 0.0
        if is_shown and now - self.typed_at.get(chat_id, -pause) >= pause:
            self.typed_at[chat_id] = now
            who = {"id": self.user.pk, "name": self.user.name}
            event = {"type": "typing", "chat_id": chat_id, "user": who}
            told = HubCommand.to_audience(PRESENCE, chat_id, event, about=self.user.pk)
            self.runtime.hub.publish([told])

    # Actions: one after the other, in the order they came

    def _enqueue(self, action: Callable[[], Awaitable[None]]) -> None:
        if len(self.actions) >= MAX_WAITING_ACTIONS:
            raise TooManyError(retry_after=1)
        self.actions.append(action)
        if self.worker is None:
            self.worker = asyncio.create_task(self._work())

    async def _work(self) -> None:
        """As long as actions wait: most sockets only listen, and a task of theirs takes memory."""
        while self.actions:
            action = self.actions.pop(0)
            try:
                await action()
            except Exception:
                # The edge, as in `receive`.
                logger.exception("an action failed", extra=self._ids(None))
        self.worker = None

    async def _act(self, request: Request, frame: Frame) -> None:
        try:
            if is_decided_here(rule := rule_of(request)):
                await take_in_turn(Count(rule, self.user.pk), max_seconds=MAX_WAIT_SECONDS)
            fields = await self.runtime.threads.run(
                _ask_in_language, self.language, request, self.user, frame
            )
            self._put({"type": "reply", "request_id": frame.request_id, **fields})
        except ChatError as error:
            await self._refuse(error, frame.request_id)
        except DATABASE_AWAY:
            await self._refuse(UnavailableError(), frame.request_id)
        except Exception:
            logger.exception("an action failed", extra=self._ids(frame))
            await self._refuse(ChatError(), frame.request_id)

    # Answers

    def _put(self, payload: Payload) -> None:
        self.runtime.hub.put(self.socket, to_line(payload))

    async def _refuse(self, error: ChatError, request_id: str | None) -> None:
        slow_down(self.pace, COUNT_OF_A_REFUSED_FRAME - 1)
        try:
            self.patience.take()
        except TooManyError:
            come_back_later(self.socket.session_key)
            await self.socket.close(CloseCode.TOO_MUCH)
        else:
            self._put(self._error(error, request_id))

    def _error(self, error: ChatError, request_id: str | None) -> Payload:
        with translation.override(self.language):
            return {"type": "error", "request_id": request_id, **error.payload()}

    def _request_id(self, text: str | None) -> str | None:
        if text is None or len(text) > MAX_FRAME_BYTES:
            return None
        return request_id_of(text)

    def _ids(self, frame: Frame | None) -> dict[str, Any]:
        return {"user_id": self.user.pk, "frame_type": frame.type if frame else None}

    # The connection

    async def _find_place(self) -> None:
        """Raises TooManyError when there is none."""
        self.place = Place(self.user.pk, address_group(client_address(self.scope)))
        if full := await socket_places().take(self.place, self.runtime.threads):
            raise TooManyError(full.said, retry_after=TURNED_AWAY_RETRY_SECONDS)

    async def _turn_away(self, error: TooManyError) -> None:
        """Says why first: Daphne sends no reason with the code."""
        with translation.override(self.language):
            detail = str(error.detail)
        said = {"reason": "too_many", "detail": detail, "retry_after": error.retry_after}
        await self.send(text_data=to_line({"type": "goodbye", **said}))
        await self._close_with(CloseCode.TOO_MUCH)

    async def _close_with(self, code: int) -> None:
        await self.close(code=int(code))  # autobahn takes an int and nothing derived from it

    def _forget(self) -> None:
        if self.place is not None:
            socket_places().give_up(self.place)
        if getattr(self, "socket_is_open", False):
            self.socket_is_open = False
            self.socket.is_closed = True
            if self.worker is not None:
                self.worker.cancel()
            self.runtime.hub.unregister(self.socket)


def _ask_in_language(language: str, request: Request, user: User, frame: Frame) -> Payload:
    with translation.override(language):
        if not is_decided_here(rule := rule_of(request)):
            knock(rule, user.pk)
        return request(user, frame)
