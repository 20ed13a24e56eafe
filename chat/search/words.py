"""What a person typed into the search field, as terms: words, and phrases in quotes. Pure.

A word is a run of letters, or of digits: whatever stands between them parts words. Ё is Е, and all
forms of Unicode are one. PostgreSQL is asked for the same (queries.py).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from chat.errors import BadTextError, EmptyTextError, TooLongError

QUERY_LENGTH = 200
# So many letters say enough of a word that is still being typed.
MIN_BEGINNING = 2

_TERM = re.compile(r'"([^"]*)"|“([^”]*)”|«([^»]*)»|([^\s"“«]+)')
LETTER = r"[^\W0-9_]"
# \u0300-\u036f: accents that are not one with their letters.
# As PostgreSQL is told (queries.py): by itself it takes an address, a path or a number as one word.
_APART = re.compile(r"([0-9]+)|[!-/:-@[-`{-~]")
_WORD = re.compile(rf"{LETTER}(?:{LETTER}|[\u0300-\u036f])*|[0-9]+")

# Where a word stands in a text, from and up to: code points.
Hit = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other."""

    text: str
    is_quoted: bool = False

    @property
    def may_go_on(self) -> bool:
        """Whether this, as the last one typed, may be the beginning of a longer word."""
        last = self.words[-1]
        return not self.is_quoted and len(last) >= MIN_BEGINNING and not last.isdecimal()

    @property
    def plain(self) -> str:
        """Folded, with a space wherever a word ends."""
        return _APART.sub(r" \1 ", folded(self.text))

    @property
    def words(self) -> list[str]:
        return words_of(self.text)


def folded(text: str) -> str:
    """In one form of Unicode, with one letter for Е and Ё."""
    return unicodedata.normalize("NFC", text).replace("ё", "е").replace("Ё", "Е")


def words_of(text: str) -> list[str]:
    """Folded."""
    return _WORD.findall(folded(text))


def places_of_words(text: str) -> list[tuple[str, Hit]]:
    """The words, folded, each with its place in the text as it was written."""
    return [(folded(found[0]), found.span()) for found in _WORD.finditer(text)]


def parse_query(typed: str) -> list[Term]:
    """The terms, all of which must occur. Raises EmptyTextError where there is no word."""
    if "\x00" in typed:
        raise BadTextError
    if len(typed) > QUERY_LENGTH:
        raise TooLongError
    terms = []
    for found in _TERM.finditer(typed):
        *quoted, plain = found.groups()
        text = plain or "".join(filter(None, quoted))
        if words_of(text):
            terms.append(Term(text, is_quoted=plain is None))
    if not terms:
        raise EmptyTextError(_("Enter at least one word to search for."))
    return terms
