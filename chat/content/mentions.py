"""Whom a text names with @username. Names in code and in addresses name nobody.

The browser's rich-text.js draws the same names; both are held to the table tests/mentions.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chat.content.names import USERNAME_LENGTH, normal_form

_FENCE_BEGINS = re.compile(r"```[^\n`]*\n")
_FENCE_ENDS = re.compile(r"```[ \t]*(?:\n|\Z)")
# Bold, italic and quotes neither make nor hide a name, and code and addresses never reach across
# their ends: so one look from left to right is enough, however the text was made.
_NAME = re.compile(
    # \ufeff: white space to JavaScript.
    # \u0300-\u036f: accents that are not yet one with their letters.
    r"`[^`\n]+`|https?://[^\s\ufeff<>\"`*—…«»“”„]+|(?<![\w@.+-])@(\w[\w\u0300-\u036f@.+-]*)",
    re.IGNORECASE,
)
# A sentence's own signs at the end of a name.
_ENDING = "@.+-"


def mentioned_names(text: str) -> frozenset[str]:
    """The usernames in it, in normal form; whether anybody is called so is another question."""
    if "@" not in text:
        return frozenset()
    names = (
        normal_form(found[1].rstrip(_ENDING))
        for part in _outside_of_fences(text)
        for found in _NAME.finditer(part)
        if found[1]
    )
    return frozenset(name for name in names if len(name) <= USERNAME_LENGTH)


def _outside_of_fences(text: str) -> Iterator[str]:
    start = line = 0
    while line < len(text):
        begin = _FENCE_BEGINS.match(text, line)
        end = _FENCE_ENDS.search(text, begin.end()) if begin else None
        if end:
            yield text[start:line]
            start = line = end.end()
        elif begin:
            break  # nothing closes it, nor any later one
        else:
            line = text.find("\n", line) + 1 or len(text)
    yield text[start:]
