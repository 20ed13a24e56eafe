"""What a person typed into the search field, as terms: words, and phrases in quotes. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from chat.errors import BadTextError, EmptyTextError, TooLongError

QUERY_LENGTH = 200
# So many letters say enough of a word that is still being typed.
MIN_BEGINNING = 2

_TERM = re.compile(r'"([^"]*)"|“([^”]*)”|«([^»]*)»|([^\s"“«]+)')
_WORD = re.compile(r"\w+")

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
        return not self.is_quoted and len(self.text) >= MIN_BEGINNING

    @property
    def words(self) -> list[str]:
        return words_of(self.text)


def words_of(text: str) -> list[str]:
    return _WORD.findall(text)


def places_of_words(text: str) -> list[tuple[str, Hit]]:
    return [(found[0], found.span()) for found in _WORD.finditer(text)]


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
