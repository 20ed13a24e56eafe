"""JSON over HTTP: who asks, what they sent, and one way to answer an error."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from django.views.decorators.cache import never_cache

from chat.errors import (
    ChatError,
    ForbiddenError,
    FrameTooLargeError,
    SignedOutError,
    UnavailableError,
)
from chat.models import User
from chat.payloads import Payload
from chat.protocol import MOST_FRAME_BYTES, Frame, parse_object
from chat.threads import DATABASE_AWAY

MOST_DIGITS = 20

logger = logging.getLogger(__name__)

P = ParamSpec("P")
Route = Callable[Concatenate[User, Frame, P], Payload | tuple[int, Payload] | None]


def error_response(error: ChatError) -> JsonResponse:
    response = JsonResponse({"error": error.payload()}, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


def refuse_csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """For a write without the page's token: a page, or JSON to whoever asked with JSON."""
    if not request.path.startswith("/api/"):
        return csrf_failure(request, reason)
    detail = _(
        "Nothing was changed. Go back, load the page again and repeat what you did."
        " Cookies must be allowed."
    )
    return error_response(ForbiddenError(detail))


def route(**methods: Route[...]) -> Callable[..., HttpResponse]:
    """A view that hands each method's request, checked and signed in, to its function.

    The function gets the person and the fields (of the body; of the query for GET) and returns a
    payload, (status, payload), or None for 204.
    """
    functions = {name.upper(): function for name, function in methods.items()}

    @never_cache
    def view(request: HttpRequest, **arguments: Any) -> HttpResponse:
        function = functions.get(request.method or "")
        if function is None:
            return HttpResponseNotAllowed(list(functions))
        try:
            return _answer(function(_signed_in(request), _fields(request), **arguments))
        except ChatError as error:
            return error_response(error)
        except DATABASE_AWAY:
            logger.exception("the database is away", extra={"path": request.path})
            return error_response(UnavailableError())

    return view


def _signed_in(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise SignedOutError
    return request.user


def _fields(request: HttpRequest) -> Frame:
    if request.method == "GET":
        return Frame("GET", None, {name: _value(name, request.GET[name]) for name in request.GET})
    body = _body(request)
    return Frame(request.method or "", None, parse_object(body) if body else {})


def _body(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig:
        raise FrameTooLargeError from None
    if len(body) > MOST_FRAME_BYTES:
        raise FrameTooLargeError
    return body


def _value(name: str, given: str) -> int | str:
    """Numbers in a query are numbers; words that are searched for (`q`) stay words."""
    is_number = given.isascii() and given.isdigit() and len(given) < MOST_DIGITS
    return int(given) if is_number and name != "q" else given


def _answer(result: Payload | tuple[int, Payload] | None) -> HttpResponse:
    if result is None:
        return HttpResponse(status=204)
    status, payload = result if isinstance(result, tuple) else (200, result)
    return JsonResponse(payload, status=status)
