"""Rows for pages, as chat/http/urls.py names them: one for looking, one for what a form does."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from chat.database.threads import DATABASE_AWAY
from chat.errors import TooManyError
from chat.http.json import refuse
from chat.limits.doors import Rule, knock
from chat.limits.table import READS, Limit
from chat.models import User

View = TypeVar("View", bound=Callable[..., Any])


def person_of(request: HttpRequest) -> User | None:
    """Who is signed in. None also while the database is away: the view will say so."""
    # Without a session cookie nobody is: spare the look.
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    try:
        return request.user if isinstance(request.user, User) else None
    except DATABASE_AWAY:
        return None


def page(view: View, *, reads: Rule = READS, writes: Rule | None = None) -> View:
    """`writes`: of POST, where it is another one. Who is not signed in has no count."""

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        rule = writes if writes and request.method == "POST" else reads
        person = person_of(request) if isinstance(rule, Limit) else None
        try:
            if person is not None:
                knock(rule, person.pk)
        except TooManyError as error:
            return refuse(request, error)
        answer: HttpResponseBase = view(request, *args, **kwargs)
        return answer

    limited.rules = {"GET": reads, "POST": writes or reads}  # type: ignore[attr-defined]
    return limited  # type: ignore[return-value]
