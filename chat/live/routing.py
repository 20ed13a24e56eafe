"""A socket's way in: allowed origin, pace, session, language, then the consumer."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth import get_user
from django.http import parse_cookie
from django.utils.translation import get_language_from_request

from chat.database.threads import DATABASE_AWAY
from chat.errors import ForbiddenError, NotFoundError, TooManyError, UnavailableError
from chat.live.consumers import ChatConsumer
from chat.live.opening import may_open
from chat.live.origins import header, is_allowed, is_from_own_page, note_refused
from chat.live.refusals import refuse, turn_away
from chat.live.runtime import GOODBYE_RETRY_SECONDS, runtime
from chat.wire.protocol import CloseCode

PATH: Final = "/ws/"
# Before a server ends the handshake by itself, after 5 s and without a word.
MAX_JUDGING_SECONDS: Final = 4.5
TOO_OFTEN_RETRY_SECONDS: Final = 5

Scope = dict[str, Any]


class _Request:
    """As much of a request as Django needs to find the person and the language."""

    def __init__(self, scope: Scope, session: Any = None) -> None:
        self.COOKIES = scope.get("cookies", {})
        self.META = {"HTTP_ACCEPT_LANGUAGE": header(scope, b"accept-language")}
        self.session = session


class WayIn:
    """What Channels has a stack of middleware for, in one coroutine and one scope: each of them
    stays as long as its socket, and most sockets only listen.

    Session and person are read once, in a thread whose database connection stays. Channels' own
    stack also wraps `send`, to save the session with every frame: a sixth of the time that a frame
    takes, for a session that a socket never changes.
    """

    def __init__(self) -> None:
        self.session_store = import_module(settings.SESSION_ENGINE).SessionStore

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if not is_allowed(scope):
            await self._send_home(scope, receive, send)
        elif scope["path"] != PATH:
            await refuse(scope, receive, send, NotFoundError())
        elif runtime().is_draining:
            error = UnavailableError(retry_after=GOODBYE_RETRY_SECONDS)
            await refuse(scope, receive, send, error, CloseCode.RESTARTING)
        elif await self._lets_in(scope, receive, send):
            await ChatConsumer()(scope, receive, send)

    async def _send_home(self, scope: Scope, receive: Any, send: Any) -> None:
        note_refused(scope)
        if is_from_own_page(scope):
            await turn_away(receive, send, CloseCode.NOT_ALLOWED)
        else:
            await refuse(scope, receive, send, ForbiddenError())

    async def _lets_in(self, scope: Scope, receive: Any, send: Any) -> bool:
        """False when it has been refused."""
        try:
            async with asyncio.timeout(MAX_JUDGING_SECONDS):
                await self._judge(scope)
        except TooManyError as error:
            await refuse(scope, receive, send, error, CloseCode.TOO_MUCH)
        except (DATABASE_AWAY, TimeoutError):
            await refuse(scope, receive, send, UnavailableError(), CloseCode.UNAVAILABLE)
        else:
            return True
        return False

    async def _judge(self, scope: Scope) -> None:
        """Puts `session`, `user` and `language` into the scope.

        Raises TooManyError, or DATABASE_AWAY.
        """
        scope["cookies"] = cookies_of(scope)
        key = scope["cookies"].get(settings.SESSION_COOKIE_NAME)
        if not await may_open(key):
            raise TooManyError(retry_after=TOO_OFTEN_RETRY_SECONDS)
        scope["session"] = self.session_store(key)
        scope["user"] = await self._person_of(scope)
        scope["language"] = language_of(scope)

    async def _person_of(self, scope: Scope) -> Any:
        session = scope["session"]
        person = session.session_key and await runtime().sign_ins.ask(session.session_key)
        return person or await runtime().threads.run(get_user, _Request(scope, session))


def cookies_of(scope: Scope) -> dict[str, str]:
    found = (value for name, value in scope["headers"] if name == b"cookie")
    return parse_cookie(next(found, b"").decode("latin-1"))


def language_of(scope: Scope) -> str:
    """That of the page (`?lang=`), the person's own, or the browser's."""
    asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0]
    wanted = (asked, getattr(scope["user"], "language", ""))
    known = [language for language in wanted if language in dict(settings.LANGUAGES)]
    return known[0] if known else browser_language(scope)


def browser_language(scope: Scope) -> str:
    return get_language_from_request(_Request(scope))  # type: ignore[arg-type]


websocket_application = WayIn()
