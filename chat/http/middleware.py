"""Of a signed-in person's requests: the language, and how many are answered at once.

Stand after AuthenticationMiddleware; LocaleMiddleware has chosen for everyone else by then.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from chat.database.threads import DATABASE_AWAY
from chat.http.json import refuse
from chat.http.page_limits import person_of
from chat.limits.held import Held
from chat.limits.table import DOWNLOADS_AT_ONCE, REQUESTS_AT_ONCE, Limit
from chat.limits.words import too_many

GetResponse = Callable[[HttpRequest], HttpResponse]


class PersonLanguageMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Without a session cookie nobody is signed in: spare the look.
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            # While the database is away the view will say so, in the browser's language.
            with suppress(DATABASE_AWAY):
                use_language_of(request)
        return self.get_response(request)


class AtOnceMiddleware:
    """Each request has a thread and a connection of its own: one person does not get them all.

    Staff's pages are left alone, and so is what is read of a file that was answered with.
    """

    RETRY_SECONDS = 1

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.held = Held()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        limit = limit_at_once(request)
        user = person_of(request) if limit else None
        if limit is None or user is None:
            return self.get_response(request)
        key = f"{limit.name}:{user.pk}"
        if not self.held.hold(key, most=limit.amount):
            return refuse(request, too_many(limit, self.RETRY_SECONDS))
        try:
            return self.get_response(request)
        finally:
            self.held.let_go(key)


def limit_at_once(request: HttpRequest) -> Limit | None:
    if request.path.startswith("/admin/"):
        return None
    return DOWNLOADS_AT_ONCE if request.path.startswith("/attachments/") else REQUESTS_AT_ONCE


def use_language_of(request: HttpRequest) -> None:
    language = getattr(request.user, "language", "")
    if language in dict(settings.LANGUAGES):
        translation.activate(language)
        request.LANGUAGE_CODE = language
