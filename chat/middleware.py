"""Language of a page: what the signed-in person chose wins over the browser's wish.

Stands after AuthenticationMiddleware; LocaleMiddleware has chosen for everyone else by then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from chat.threads import DATABASE_AWAY

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]


class PersonLanguageMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without a session cookie nobody is signed in: spare the look.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            try:
                use_language_of(request)
            except DATABASE_AWAY:
                # The view will say so, in the browser's language.
                logger.warning("the database is away", extra={"path": request.path})
        return self.get_response(request)


def use_language_of(request: HttpRequest) -> None:
    language = getattr(request.user, "language", "")
    if language in dict(settings.LANGUAGES):
        translation.activate(language)
        request.LANGUAGE_CODE = language
