"""Types of command-line arguments; a wrong one is a usage error (exit code 2)."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime


def positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ArgumentTypeError(f"{text!r} is not a whole number greater than 0")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"{text!r} is not a number of seconds greater than 0")
    return value


def seconds_or_none(text: str) -> float:
    """0: none."""
    return 0.0 if text == "0" else seconds(text)


def moment(text: str) -> datetime:
    """UTC where it does not say."""
    try:
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is not a time like 2026-11-23T14:00Z") from None
