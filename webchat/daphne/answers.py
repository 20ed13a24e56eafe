"""What is answered before the application is asked: JSON, with the headers of every answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from daphne.http_protocol import WebRequest

from webchat.headers import EVERY_ANSWER, NEVER_KEPT, NOTHING_RUNS

HEADERS: Final = {
    **EVERY_ANSWER,
    "Cache-Control": NEVER_KEPT,
    "Content-Security-Policy": NOTHING_RUNS,
}
RETRY_AFTER_SECONDS: Final = 2
_AS_BYTES: Final = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

# The code and the detail of each status.
REFUSALS: Final = {
    400: ("bad_request", "This is not an HTTP request."),
    403: ("forbidden", "You may not do this here."),
    408: ("too_slow", "The request took too long. Send it again."),
    413: ("too_large", "The request is too large."),
    500: ("error", "Something went wrong on our side. Try again in a moment."),
    503: ("unavailable", "The server is not answering just now. Try again."),
}


def body_of(status: int) -> bytes:
    code, detail = REFUSALS[status]
    return json.dumps({"error": {"code": code, "detail": detail}}).encode()


def refusal(status: int, more: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """A whole answer, with `more` headers, for a connection that is closed after it."""
    headers = [(b"Content-Type", b"application/json"), *more]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"Retry-After", str(RETRY_AFTER_SECONDS).encode()))
    return whole_answer(status, headers, body_of(status if status in REFUSALS else 400))


def whole_answer(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Says that the connection is closed after it; no header of the table is missing."""
    given = [
        (b"Connection", b"close"),
        (b"Content-Length", str(len(body)).encode()),
        *completed(list(headers)),
    ]
    first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()
    lines = [first, *(name + b": " + value for name, value in given)]
    return b"\r\n".join([*lines, b"", b""]) + body


class SafeAnswers(WebRequest):
    """Daphne's own answers are JSON; whoever answers, no header of the table is missing."""

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        known = status if status in REFUSALS else 500
        headers = [(b"Content-Type", b"application/json")]
        self.handle_reply({"type": "http.response.start", "status": status, "headers": headers})
        self.handle_reply({"type": "http.response.body", "body": body_of(known)})

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message.get("type") == "http.response.start":
            message = {**message, "headers": completed(list(message.get("headers", ())))}
        super().handle_reply(message)


def completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    there = {name.lower() for name, _ in headers}
    return headers + [(name, value) for name, value in _AS_BYTES if name.lower() not in there]
