"""The part of a message around what was found in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chat.search.words import Hit
from chat.wire.payloads import Payload

EXCERPT_LENGTH = 160
BEFORE_HIT = 48
_SPACE = re.compile(r"\s")


def excerpt_around(content: str, hits: Sequence[Hit]) -> Payload:
    """`excerpt`, on one line and cut at words; `hits` in it: code points, from and up to."""
    first = hits[0][0] if hits else 0
    start = _word_after(content, first - BEFORE_HIT, limit=first)
    end = _word_before(content, start + EXCERPT_LENGTH)
    head, tail = "…" if start else "", "…" if end < len(content) else ""
    # One space for each, so that the places stay what they are.
    text = head + _SPACE.sub(" ", content[start:end]) + tail
    moved = len(head) - start
    inside = [
        (max(a, start) + moved, min(b, end) + moved) for a, b in hits if a < end and b > start
    ]
    return {"excerpt": text, "hits": inside}


def _word_after(content: str, place: int, *, limit: int) -> int:
    """The beginning of a word at or after this place; a single endless word is cut."""
    if place <= 0:
        return 0
    found = _SPACE.search(content, place - 1, limit)
    return found.end() if found else place


def _word_before(content: str, place: int) -> int:
    """The end of a word at or before this place."""
    if place >= len(content):
        return len(content)
    cut = max(content.rfind(space, place - BEFORE_HIT, place + 1) for space in (" ", "\n", "\t"))
    return cut if cut > 0 else place
