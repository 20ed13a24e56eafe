"""A socket's way in: allowed origin, session, language, then the consumer."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.contrib.auth import get_user
from django.urls import path, re_path
from django.utils.translation import get_language_from_request

from chat.database.threads import DATABASE_AWAY
from chat.live.consumers import ChatConsumer
from chat.live.opening import OpeningPace, refuse
from chat.live.origins import OriginGuard, header
from chat.live.runtime import runtime

logger = logging.getLogger(__name__)


class _Request:
    """As much of a request as Django needs to find the person and the language."""

    def __init__(self, scope: dict[str, Any], session: Any = None) -> None:
        self.COOKIES = scope.get("cookies", {})
        self.META = {"HTTP_ACCEPT_LANGUAGE": header(scope, b"accept-language")}
        self.session = session


class SignInMiddleware:
    """Reads session and person once, at connect, in a thread whose database connection stays.

    Channels' own stack also wraps `send`, to save the session with every frame: a sixth of the time
    that a frame takes, for a session that a socket never changes.
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        self.session_store = import_module(settings.SESSION_ENGINE).SessionStore

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        session = self.session_store(scope["cookies"].get(settings.SESSION_COOKIE_NAME))
        request = _Request(scope, session)
        try:
            user = await runtime().threads.run(get_user, request)
        except DATABASE_AWAY as error:
            logger.warning("the database is unavailable", extra={"error": type(error).__name__})
            await refuse(scope, receive, send)
            return
        await self.application({**scope, "session": session, "user": user}, receive, send)


class LanguageMiddleware:
    """The language of the page (`?lang=`), the person's own, or the browser's."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0]
        wanted = (asked, getattr(scope["user"], "language", ""))
        known = [language for language in wanted if language in dict(settings.LANGUAGES)]
        scope["language"] = known[0] if known else browser_language(scope)
        await self.application(scope, receive, send)


def browser_language(scope: dict[str, Any]) -> str:
    return get_language_from_request(_Request(scope))  # type: ignore[arg-type]


_chat: Any = OpeningPace(SignInMiddleware(LanguageMiddleware(ChatConsumer.as_asgi())))
_elsewhere: Any = refuse

websocket_application = OriginGuard(
    CookieMiddleware(URLRouter([path("ws/", _chat), re_path("", _elsewhere)]))
)
