"""The outermost middleware: headers on every answer, and errors that a program can read.

Also on what others answer before the views are asked: static files, refused hosts, errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from chat.http.json import as_json_error, is_for_programs
from messaging.measures import REQUEST_SECONDS
from webchat import health, metrics
from webchat.headers import headers_of

Finish = Callable[[HttpRequest, Any], HttpResponseBase]
ADDRESS: Final = re.compile(r"([0-9.]{7,15}|\[[0-9a-fA-F:.]{2,45}\])(:[0-9]{1,5})?")
HEALTH: Final = {
    "/livez": health.livez,
    "/readyz": health.readyz,
    "/metrics": metrics.metrics,
}
METHODS: Final = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _afterwards(get_response: Any, finish: Finish) -> Any:
    """A middleware that does something to the answer, without a thread of its own."""
    if iscoroutinefunction(get_response):

        async def wait_and_finish(request: HttpRequest) -> HttpResponseBase:
            return finish(request, await get_response(request))

        return wait_and_finish
    return lambda request: finish(request, get_response(request))


@sync_and_async_middleware
def measured(get_response: Any) -> Any:
    """The seconds of each request, by the address's pattern: of these there are few."""
    if iscoroutinefunction(get_response):

        async def wait(request: HttpRequest) -> HttpResponseBase:
            began_at = perf_counter()
            response: HttpResponseBase = await get_response(request)
            _measure(request, response, perf_counter() - began_at)
            return response

        return wait

    def call(request: HttpRequest) -> HttpResponseBase:
        began_at = perf_counter()
        response: HttpResponseBase = get_response(request)
        _measure(request, response, perf_counter() - began_at)
        return response

    return call


@sync_and_async_middleware
def headers_on_every_answer(get_response: Any) -> Any:
    return _afterwards(get_response, _with_headers)


@sync_and_async_middleware
def health_by_address(get_response: Any) -> Any:
    """Whoever watches this process asks it by its address, which ALLOWED_HOSTS does not name."""
    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponseBase:
            if look := _asked_by_address(request):
                return await sync_to_async(look)(request)
            response: HttpResponseBase = await get_response(request)
            return response

        return answer
    return lambda request: (_asked_by_address(request) or get_response)(request)


@sync_and_async_middleware
def json_errors(get_response: Any) -> Any:
    return _afterwards(get_response, _with_json)


def _measure(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    match = request.resolver_match
    method = request.method if request.method in METHODS else "other"
    labels = (method, match.route if match else "none", f"{response.status_code // 100}xx")
    REQUEST_SECONDS.labels(*labels).observe(seconds)


def _asked_by_address(request: HttpRequest) -> Callable[[HttpRequest], HttpResponseBase] | None:
    """The view of health, where the Host is an IP address with or without a port."""
    view = HEALTH.get(request.path_info)
    return view if view and ADDRESS.fullmatch(request.META.get("HTTP_HOST", "")) else None


def _with_headers(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    for name, value in headers_of(request).items():
        response.headers.setdefault(name, value)
    return response


def _with_json(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code >= 400 and is_for_programs(request.path_info):
        as_json_error(response)
    return response
