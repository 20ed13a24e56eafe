"""The socket's way in: allowed origin, session, language, then the consumer."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from channels.auth import get_user
from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.urls import path
from django.utils.translation import get_language_from_request

from chat.consumers import ChatConsumer
from chat.origins import OriginGuard, header


class _Headers:
    """As much of a request as Django needs to tell the language."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.COOKIES = scope.get("cookies", {})
        self.META = {"HTTP_ACCEPT_LANGUAGE": header(scope, b"accept-language")}


class SignInMiddleware:
    """Reads session and person once, at connect.

    Channels' own stack also wraps `send`, to save the session with every frame: a sixth of the time
    that a frame takes, for a session that a socket never changes.
    """

    def __init__(self, application: Any) -> None:
        self.application = application
        self.session_store = import_module(settings.SESSION_ENGINE).SessionStore

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        session_key = scope["cookies"].get(settings.SESSION_COOKIE_NAME)
        scope = {**scope, "session": self.session_store(session_key)}
        scope["user"] = await get_user(scope)
        await self.application(scope, receive, send)


class LanguageMiddleware:
    """The person's own language, or the browser's."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        chosen = getattr(scope["user"], "language", "")
        language = chosen if chosen in dict(settings.LANGUAGES) else ""
        scope["language"] = language or get_language_from_request(_Headers(scope))  # type: ignore[arg-type]
        await self.application(scope, receive, send)


websocket_application = OriginGuard(
    CookieMiddleware(
        SignInMiddleware(LanguageMiddleware(URLRouter([path("ws/", ChatConsumer.as_asgi())])))
    )
)
