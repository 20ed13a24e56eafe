"""Words for logs and tables: what went wrong and where, never what people wrote."""

from __future__ import annotations

import traceback
from typing import Any, Protocol
from uuid import UUID

from messaging.errors import MessagingError

LONGEST = 500


class Named(Protocol):
    @property
    def event_id(self) -> UUID: ...
    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> str: ...


def describe(error: BaseException) -> str:
    """Class and text; of a foreign exception the class only, for its text may quote a message."""
    name = type(error).__name__
    if not isinstance(error, MessagingError) or not str(error):
        return name
    return clean(f"{name}: {error}")


def frames(error: BaseException) -> str:
    """Where it happened, without the exception's own text."""
    return "".join(traceback.format_tb(error.__traceback__))


def clean(text: str, *, longest: int = LONGEST) -> str:
    """What every database and header takes: no NUL, no lone surrogate, not endless."""
    return text.replace("\0", "").encode(errors="replace").decode()[:longest]


def names_of(event: Named) -> dict[str, Any]:
    """The ids of an event, for a log's fields."""
    return {"event_id": str(event.event_id), "topic": event.topic, "key": event.key}
