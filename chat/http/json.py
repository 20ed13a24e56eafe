"""JSON over HTTP: who asks, what they sent, and one way to answer an error."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Collection
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadedfile import UploadedFile
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    JsonResponse,
)
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from django.views.decorators.cache import never_cache
from django.views.defaults import server_error

from chat.database.threads import DATABASE_AWAY
from chat.errors import (
    BadRequestError,
    ChatError,
    ForbiddenError,
    FrameTooLargeError,
    MethodNotAllowedError,
    NotFoundError,
    SignedOutError,
    TooManyError,
    UnavailableError,
)
from chat.limits.doors import Rule, knock, rule_of
from chat.models import User
from chat.models.ids import LARGEST_ID
from chat.pictures.checking import is_for_want_of_room, no_room
from chat.wire.fields import Fields
from chat.wire.payloads import Made, Payload
from chat.wire.protocol import MAX_FRAME_BYTES, parse_object

MAX_DIGITS = 20

logger = logging.getLogger(__name__)

Response = TypeVar("Response", bound=HttpResponse)
Result = Payload | Made | None
Request = Callable[[User, Fields], Result]
UploadRequest = Callable[[User, Fields, "UploadedFile[Any]"], Result]

# What answers programs: its errors are JSON, whoever refuses.
FOR_PROGRAMS = ("/api/", "/hooks/")
HEALTH = ("/livez", "/readyz")
BY_STATUS: dict[int, type[ChatError]] = {
    400: BadRequestError,
    401: SignedOutError,
    403: ForbiddenError,
    404: NotFoundError,
    405: MethodNotAllowedError,
    413: FrameTooLargeError,
    429: TooManyError,
    503: UnavailableError,
}


def is_for_programs(path: str) -> bool:
    return path.startswith(FOR_PROGRAMS) or path in HEALTH


def as_json_error(response: HttpResponseBase) -> None:
    """Says the same refusal in JSON, where it is not; all that its headers say stays."""
    is_json = response.headers.get("Content-Type", "").startswith("application/json")
    if is_json or not isinstance(response, HttpResponse):
        return
    error = error_response(BY_STATUS.get(response.status_code, ChatError)())
    response.content = error.content
    response.headers["Content-Type"] = error.headers["Content-Type"]
    response.headers["Content-Length"] = str(len(error.content))


def error_response(error: ChatError) -> JsonResponse:
    return _finished(JsonResponse({"error": error.payload()}, status=error.status), error)


def seconds_header(seconds: float) -> str:
    """A Retry-After: whole seconds, and not too few of them."""
    return str(max(1, math.ceil(seconds)))


def refuse(request: HttpRequest, error: ChatError) -> HttpResponse:
    """JSON to whoever asked the API, a page to everybody else."""
    if request.path.startswith("/api/"):
        return error_response(error)
    page = render(request, "chat/refused.html", {"error": error}, status=error.status)
    return _finished(page, error)


def _finished(response: Response, error: ChatError) -> Response:
    if error.retry_after is not None:
        response["Retry-After"] = seconds_header(error.retry_after)
    return unlogged(response) if isinstance(error, UnavailableError) else response


def unlogged(response: Response) -> Response:
    """Django would log each 503 as an error; that something is away is said once, elsewhere."""
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own word for it
    return response


def failed(request: HttpRequest) -> HttpResponse:
    """Of what nobody caught, wherever it was raised: of what may work later it says so."""
    error = sys.exception()
    if isinstance(error, DATABASE_AWAY):
        return refuse(request, UnavailableError())
    if isinstance(error, OSError) and is_for_want_of_room(error):
        logger.warning("no room for a request", extra={"error": repr(error)})
        return refuse(request, no_room())
    return server_error(request)


def refuse_csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    """For a write without the page's token: a page, or JSON to whoever asked with JSON."""
    if not is_for_programs(request.path):
        return csrf_failure(request, reason)
    detail = _(
        "Nothing was changed. Go back, reload the page and try again. Cookies must be allowed."
    )
    return error_response(ForbiddenError(detail))


def route(**methods: Request) -> Callable[..., HttpResponse]:
    """A view that hands each method's request, checked and signed in, to its function.

    What the function returns is a 200, a 201 (`Made`) or, where it is None, a 204. HEAD is GET
    without a body; OPTIONS says what there is. See Note [One function per request].
    """
    functions = {name.upper(): function for name, function in methods.items()}
    rules = {name: rule_of(function) for name, function in functions.items()}
    if "GET" in functions:
        functions["HEAD"] = functions["GET"]

    @never_cache
    def view(request: HttpRequest, **ids: int | UUID) -> HttpResponse:
        function = functions.get(request.method or "")
        if function is None:
            return other_method(request, functions)
        return answer(
            request,
            lambda: function(_let_in(request, rule_of(function)), fields_of(request, **ids)),
        )

    view.rules = rules  # type: ignore[attr-defined]  # tests look whether each is under one
    return view


def upload_route(function: UploadRequest) -> Callable[..., HttpResponse]:
    """A view for a form with one file, its field `file`, that hands it to the function."""
    rule = rule_of(function)

    @never_cache
    def view(request: HttpRequest, **ids: int | UUID) -> HttpResponse:
        if request.method != "POST":
            return other_method(request, ["POST"])
        return answer(
            request, lambda: function(_let_in(request, rule), Fields(_known(ids)), _file(request))
        )

    view.rules = {"POST": rule}  # type: ignore[attr-defined]
    return view


def other_method(request: HttpRequest, allowed: Collection[str]) -> HttpResponse:
    """Says which methods there are, to OPTIONS as an answer and to others as a refusal."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers={"Allow": ", ".join([*allowed, "OPTIONS"])})
    return HttpResponseNotAllowed([*allowed, "OPTIONS"])


def answer(request: HttpRequest, call: Callable[[], Result]) -> HttpResponse:
    """What `call` returns or raises, as JSON."""
    try:
        return _written(call())
    except ChatError as error:
        return error_response(error)
    except DATABASE_AWAY:
        return error_response(UnavailableError())


def _let_in(request: HttpRequest, rule: Rule) -> User:
    """Raises SignedOutError, and TooManyError for who has asked too much."""
    if not isinstance(request.user, User):
        raise SignedOutError
    knock(rule, request.user.pk)
    return request.user


def fields_of(request: HttpRequest, **ids: int | UUID) -> Fields:
    """Of the body, or of the query for GET, and the ids of the address. Raises ChatError."""
    if request.method in {"GET", "HEAD"}:
        sent = {name: _value(name, request.GET[name]) for name in request.GET}
    else:
        body = _body(request)
        sent = parse_object(body) if body else {}
    return Fields(sent | _known(ids))


def _known(ids: dict[str, int | UUID]) -> dict[str, Any]:
    """Of an address, as JSON has them. Raises NotFoundError where no row can have one."""
    return {name: _known_id(row_id) for name, row_id in ids.items()}


def _known_id(row_id: int | UUID) -> int | str:
    if isinstance(row_id, UUID):
        return str(row_id)
    if not 0 < row_id <= LARGEST_ID:
        raise NotFoundError
    return row_id


def _body(request: HttpRequest) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig:
        raise FrameTooLargeError from None
    if len(body) > MAX_FRAME_BYTES:
        raise FrameTooLargeError
    return body


def _file(request: HttpRequest) -> UploadedFile[Any]:
    try:
        files = request.FILES.getlist("file")
    except (MultiPartParserError, SuspiciousOperation):
        files = []
    except OSError as error:
        logger.warning("an upload was not received", extra={"error": repr(error)})
        raise no_room() if is_for_want_of_room(error) else UnavailableError() from None
    if len(files) != 1:
        raise BadRequestError.of("file", _("one file, in a form (multipart/form-data)"))
    file: UploadedFile[Any] = files[0]
    return file


def _value(name: str, given: str) -> int | str:
    """Numbers in a query are numbers; words that are searched for (`q`) stay words."""
    is_number = given.isascii() and given.isdigit() and len(given) < MAX_DIGITS
    return int(given) if is_number and name != "q" else given


def _written(result: Result) -> HttpResponse:
    if result is None:
        return HttpResponse(status=204)
    if isinstance(result, Made):
        return JsonResponse(result.payload, status=201)
    return JsonResponse(result)
