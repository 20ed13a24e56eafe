"""Ids as events carry them: text, in which other systems may write what they like."""

from __future__ import annotations

from typing import Final

from chat.models.ids import LARGEST_ID
from messaging.errors import PermanentError

_MAX_DIGITS: Final = len(str(LARGEST_ID))


class ForeignIdError(PermanentError):
    """Raised for an id that no row of ours can have: trying again is pointless."""

    def __init__(self) -> None:
        super().__init__("An id in the event is not one of this chat's: expected a row number.")


def row_number(text: str) -> int:
    """Raises ForeignIdError."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        number = int(text)
        if number <= LARGEST_ID:
            return number
    raise ForeignIdError
