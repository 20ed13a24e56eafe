"""Rules for what people write. Content is kept as it was written, or refused; never changed."""

from __future__ import annotations

import re
import unicodedata

from chat.errors import BadTextError, EmptyTextError, TooLongError

# Code points, as PostgreSQL, SQLite and Python count; JavaScript's .length counts UTF-16 units.
CONTENT_LENGTH = 4000
TITLE_LENGTH = 80
EXCERPT_LENGTH = 120

# PostgreSQL cannot store NUL; a lone surrogate is no character and cannot be encoded.
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
# Control characters that no keyboard writes; tab, newline and carriage return are text.
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_VISIBLE_FAST = re.compile(r"[^\W_]")
# Blank letters: they count as letters but nobody sees them (Hangul fillers, Braille blank).
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Mn", "Me", "Mc", "Zl", "Zp", "Zs"})
# Unassigned in this Python's tables may be a newer emoji, which people see; these never will be:
# noncharacters, and what Unicode sets apart for invisible characters (Default_Ignorable).
_NEVER_SEEN = re.compile(
    "[\u2065\ufdd0-\ufdef\ufff0-\ufff8\U000e0000-\U000e0fff"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


def check_content(content: str) -> str:
    """A message's content, unchanged. Raises BadTextError, TooLongError or EmptyTextError."""
    return _check(content, limit=CONTENT_LENGTH)


def check_title(title: str) -> str:
    """A chat's title without outer spaces, on one line."""
    return check_line(title, limit=TITLE_LENGTH)


def check_line(text: str, *, limit: int) -> str:
    """Without outer spaces, on one line. Raises BadTextError, TooLongError or EmptyTextError."""
    return _check(" ".join(text.split()), limit=limit)


def check_note(text: str, *, limit: int) -> str:
    """What may be left empty, without outer spaces. Raises BadTextError, TooLongError."""
    text = text.strip()
    return _check(text, limit=limit) if text else ""


def excerpt(content: str) -> str:
    return content[:EXCERPT_LENGTH]


def _check(text: str, *, limit: int) -> str:
    if _NOT_STORABLE.search(text) or _CONTROL.search(text):
        raise BadTextError
    if len(text) > limit:
        raise TooLongError
    if not _VISIBLE_FAST.search(text) and not any(map(_is_visible, text)):
        raise EmptyTextError
    if not set(text).isdisjoint(_BLANK_LETTERS) and not any(map(_is_visible, text)):
        raise EmptyTextError
    return text


def _is_visible(character: str) -> bool:
    return (
        unicodedata.category(character) not in _UNSEEN_CATEGORIES
        and character not in _BLANK_LETTERS
        and not _NEVER_SEEN.match(character)
    )
