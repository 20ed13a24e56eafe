"""What is answered before the application is asked: JSON, with the headers of every answer."""

from __future__ import annotations

import json
from typing import Any, Final

from daphne.http_protocol import WebRequest

from webchat.headers import EVERY_ANSWER, NEVER_KEPT, NOTHING_RUNS

HEADERS: Final = {
    **EVERY_ANSWER,
    "Cache-Control": NEVER_KEPT,
    "Content-Security-Policy": NOTHING_RUNS,
}
_AS_BYTES: Final = [(name.encode(), value.encode()) for name, value in HEADERS.items()]

# status: (reason phrase, code, detail)
REFUSALS: Final = {
    400: ("Bad Request", "bad_request", "This is not an HTTP request."),
    408: ("Request Timeout", "too_slow", "The request took too long. Send it again."),
    413: ("Content Too Large", "too_large", "The request is too large."),
    500: (
        "Internal Server Error",
        "error",
        "Something went wrong on our side. Try again in a moment.",
    ),
    503: ("Service Unavailable", "unavailable", "The server is not answering just now. Try again."),
}


def body_of(status: int) -> bytes:
    _reason, code, detail = REFUSALS[status]
    return json.dumps({"error": {"code": code, "detail": detail}}).encode()


def refusal(status: int) -> bytes:
    """A whole answer, for a connection that is closed after it."""
    body = body_of(status)
    given = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **HEADERS,
    }
    lines = [f"HTTP/1.1 {status} {REFUSALS[status][0]}", *(f"{n}: {v}" for n, v in given.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


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
