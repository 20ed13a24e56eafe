"""The socket's way in: allowed origin, session, language, then the consumer."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
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
    AuthMiddlewareStack(LanguageMiddleware(URLRouter([path("ws/", ChatConsumer.as_asgi())])))
)
