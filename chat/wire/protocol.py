"""The socket's contract (docs/asyncapi.yaml): what a frame may be, and what the close codes mean.

Parses and checks; does nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NoReturn

import orjson
from django.utils.translation import gettext as _

from chat.errors import (
    BadFrameError,
    BadRequestError,
    BadTextError,
    FrameTooLargeError,
    UnknownTypeError,
)
from chat.wire.fields import Fields

PROTOCOL_VERSION: Final = 1
MAX_FRAME_BYTES: Final = 64 * 1024
REQUEST_ID_LENGTH: Final = 200
# RFC 6455: how the server says to us that it had to cut off what is no WebSocket.
PROTOCOL_ERROR: Final = 1002


class CloseCode(IntEnum):
    """Why the server ends a socket. After 4401 and 4403 coming back is of no use."""

    RESTARTING = 1012  # come back, with jitter
    UNAVAILABLE = 1013  # nothing can be said just now: come back later
    SIGNED_OUT = 4401
    NOT_ALLOWED = 4403
    TOO_SLOW = 4408  # come back and sync
    TOO_MUCH = 4429  # come back later


@dataclass(frozen=True, slots=True)
class Frame(Fields):
    """One object of a client."""

    type: str
    request_id: str | None


def parse_frame(text: str) -> Frame:
    """Raises FrameTooLargeError, BadFrameError, BadTextError or UnknownTypeError."""
    if len(text) > MAX_FRAME_BYTES or len(text.encode("utf-8", "replace")) > MAX_FRAME_BYTES:
        raise FrameTooLargeError
    fields = parse_object(text)
    frame_type = fields.get("type")
    if not isinstance(frame_type, str):
        raise UnknownTypeError
    return Frame(fields, frame_type, _request_id(fields))


def parse_object(text: str | bytes) -> dict[str, Any]:
    """One JSON object, strictly: no NaN, no lone surrogate, no endless depth or number."""
    try:
        fields = orjson.loads(text)
    except (orjson.JSONDecodeError, RecursionError):
        raise (BadFrameError if _read_leniently(text) is None else BadTextError) from None
    if not isinstance(fields, dict):
        raise BadFrameError
    return fields


def request_id_of(text: str) -> str | None:
    """The request id of a frame that was refused, where one can be read, so that it is answered."""
    try:
        fields: dict[str, Any] | None = parse_object(text)
    except (BadFrameError, BadTextError):
        fields = _read_leniently(text)
    request_id = (fields or {}).get("request_id")
    if not isinstance(request_id, str) or len(request_id) > REQUEST_ID_LENGTH:
        return None
    # It must fit into the answer.
    return None if _holds_lone_surrogate(request_id) else request_id


def _read_leniently(text: str | bytes) -> dict[str, Any] | None:
    """As JSON, lone surrogates allowed: a browser writes those that its person has pasted."""
    try:
        fields = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _holds_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _request_id(fields: dict[str, Any]) -> str | None:
    request_id = fields.get("request_id")
    if request_id is None:
        return None
    if not isinstance(request_id, str) or len(request_id) > REQUEST_ID_LENGTH:
        raise BadRequestError.of("request_id", _("a string of at most 200 characters"))
    return request_id
