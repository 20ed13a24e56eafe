"""The socket's contract (docs/asyncapi.yaml): what a frame may be, and what the close codes mean.

Parses and checks; does nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NoReturn
from uuid import UUID

import orjson
from django.utils.translation import gettext as _

from chat.errors import (
    BadFrameError,
    BadRequestError,
    BadTextError,
    FrameTooLargeError,
    UnknownTypeError,
)
from chat.models.ids import LARGEST_ID

PROTOCOL_VERSION: Final = 1
MAX_FRAME_BYTES: Final = 64 * 1024
REQUEST_ID_LENGTH: Final = 200
# RFC 6455: how the server says to us that it had to cut off what is no WebSocket.
PROTOCOL_ERROR: Final = 1002
MAX_PAGE: Final = 10_000


class CloseCode(IntEnum):
    """Why the server ends a socket. After 4401 and 4403 coming back is of no use."""

    RESTARTING = 1012  # come back, with jitter
    SIGNED_OUT = 4401
    NOT_ALLOWED = 4403
    TOO_SLOW = 4408  # come back and sync
    TOO_MUCH = 4429  # come back later


@dataclass(frozen=True, slots=True)
class Frame:
    """One object of a client, its fields still to be checked by the accessors below."""

    type: str
    request_id: str | None
    fields: dict[str, Any]

    def id(self, name: str) -> int:
        """A row's id: a whole number, positive, within PostgreSQL's bigint."""
        value = self._whole_number(name, minimum=1)
        if value is None:
            raise _missing(name)
        return value

    def optional_id(self, name: str) -> int | None:
        return None if self.fields.get(name) is None else self._whole_number(name, minimum=1)

    def number(self, name: str) -> int:
        """A seq or a revision: a whole number, 0 or more."""
        value = self._whole_number(name, minimum=0)
        if value is None:
            raise _missing(name)
        return value

    def optional_number(self, name: str) -> int | None:
        return None if self.fields.get(name) is None else self._whole_number(name, minimum=0)

    def page(self) -> int:
        """Which page of a list is asked for, from 0."""
        return min(self.optional_number("page") or 0, MAX_PAGE)

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        if value is None:
            raise _missing(name)
        if not isinstance(value, str):
            raise BadRequestError.of(name, _("a text"))
        return value

    def optional_text(self, name: str) -> str:
        """Empty where it is missing."""
        return "" if self.fields.get(name) is None else self.text(name)

    def ids(self, name: str, *, most: int) -> list[int]:
        """Several rows' ids, at most so many."""
        value = self.fields.get(name)
        if value is None:
            raise _missing(name)
        if not isinstance(value, list) or len(value) > most or not all(map(_is_id, value)):
            raise BadRequestError.of(name, _("a list of ids, at most %(most)d") % {"most": most})
        return value

    def uuid(self, name: str) -> UUID:
        try:
            return UUID(self.text(name))
        except ValueError:
            raise BadRequestError.of(name, _("a UUID")) from None

    def uuids(self, name: str, *, most: int) -> tuple[UUID, ...]:
        """At most so many, each once; none where the field is missing."""
        given = self.fields.get(name)
        if given is None:
            return ()
        try:
            found = tuple(map(UUID, given)) if isinstance(given, list) else None
        except (AttributeError, TypeError, ValueError):
            found = None
        if found is None or len(found) > most or len(set(found)) < len(found):
            expected = _("a list of UUIDs, at most %(most)d, each once") % {"most": most}
            raise BadRequestError.of(name, expected)
        return found

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise BadRequestError.of(name, _("true or false"))
        return value

    def _whole_number(self, name: str, *, minimum: int) -> int | None:
        value = self.fields.get(name)
        if value is None:
            return None
        # A bool is an int to Python, but nobody means chat True.
        if type(value) is not int or not minimum <= value <= LARGEST_ID:
            raise BadRequestError.of(name, _("a whole number"))
        return value


def _is_id(value: object) -> bool:
    # A bool is an int to Python, but nobody means chat True.
    return type(value) is int and 1 <= value <= LARGEST_ID


def parse_frame(text: str) -> Frame:
    """Raises FrameTooLargeError, BadFrameError, BadTextError or UnknownTypeError."""
    if len(text) > MAX_FRAME_BYTES or len(text.encode("utf-8", "replace")) > MAX_FRAME_BYTES:
        raise FrameTooLargeError
    fields = parse_object(text)
    frame_type = fields.get("type")
    if not isinstance(frame_type, str):
        raise UnknownTypeError
    return Frame(frame_type, _request_id(fields), fields)


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
        raise BadRequestError.of("request_id", _("a text of at most 200 characters"))
    return request_id


def _missing(name: str) -> BadRequestError:
    return BadRequestError(_("“%(field)s” is missing.") % {"field": name})
