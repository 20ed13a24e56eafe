"""What a name looks like: two names of one skeleton cannot be told apart at a glance.

After UTS #39, with the table of confusable-homoglyphs (Unicode's own), and stricter than it. For
comparing alone: a skeleton is never shown. It is stored: whatever changes it needs a migration.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

# What Unicode's table keeps apart, and a hurried reader does not: lower-case letters of two
# alphabets, most of them by way of small capitals, and the strokes 1, l, I and i.
_MORE: Final = {
    "i": "l",
    "π": "n",  # also п
    "ᴎ": "u",  # и
    "ĸ": "k",  # also к and κ
    "ʍ": "rn",  # м
    "ᴛ": "t",  # т
    "ʜ": "h",  # н
    "ʙ": "b",  # в
    "ɜ": "3",  # з
    "ƅ": "b",  # also ь
}
_TOGETHER: Final = {"vv": "w"}


def skeleton(name: str) -> str:
    """The same for names that look alike, in any case and with or without accents."""
    shape = _plain(name)
    # What a letter is drawn like may be a capital letter or carry an accent in its turn.
    while (drawn := _plain(shape.translate(_drawn_like()))) != shape:
        shape = drawn
    for pair, letter in _TOGETHER.items():
        shape = shape.replace(pair, letter)
    return shape


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    # A dot below or a breve is easily overlooked. Other scripts' marks are letters of theirs.
    return "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f").casefold()


@cache
def _drawn_like() -> dict[int, str]:
    """For each letter the one that Unicode draws it like.

    The package's table names a pair on both sides. Of each group that looks alike all point to one,
    which points to all of them.
    """
    # A megabyte of JSON: not for every command that has nothing to do with names.
    from confusable_homoglyphs.confusables import confusables_data

    table = {
        _bare(sign): [_bare(other["c"]) for other in others]
        for sign, others in confusables_data.items()
    }
    drawn = {}
    for sign, (other, *more) in table.items():
        is_one_of_two = len(table[other]) == 1 and len(other) == 1
        if len(sign) == 1 and not more and not (is_one_of_two and sign < other):
            drawn[ord(sign)] = other
    return drawn | {ord(sign): letter for sign, letter in _MORE.items()}


def _bare(sign: str) -> str:
    """Without the marks of direction that stand around right-to-left letters in the table."""
    return sign.strip("\u200e")
