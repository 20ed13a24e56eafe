"""Terms as PostgreSQL asks for them: in Russian and English, and as they stand.

The configuration `russian` knows the forms of words of both languages (Latin letters go to the
English stemmer); `simple` adds words as they stand: names, numbers, beginnings of words, and the
small words ("не", "to be") that languages leave out. What a word is, words.py says.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from chat.search.words import Term

CONFIGURATIONS = ("russian", "simple")
# A text in one form of Unicode, with one letter for Е and Ё, and a space wherever a word ends.
PLAIN = (
    "regexp_replace(replace(replace("
    "CASE WHEN {0} IS NFC NORMALIZED THEN {0} ELSE normalize({0}, NFC) END, 'ё', 'е'), 'Ё', 'Е'),"
    " '([0-9]+)|[!-/:-@[-`{{-~]', ' \\1 ', 'g')"
)
VECTOR = f"(to_tsvector('russian', {PLAIN}) || to_tsvector('simple', {PLAIN}))"

Query = tuple[str, list[str]]  # a tsquery in SQL, and its parameters: what was typed

SHORT = 3  # letters
# Those that are taken for these too, alone or with an accent; elsewhere any letter will do.
LETTERS = {
    "е": "[её]\u0308?",
    "й": "[йи]\u0306?",
    "i": "[iİ]\u0307?",
    "k": "[k\N{KELVIN SIGN}]",
}
_PLAIN = re.compile(r"[a-zа-я0-9]")
_NUMBER = re.compile(r"[0-9]+")


def all_of(terms: Sequence[Term]) -> Query:
    """All terms in the languages' forms, or all of them as they stand."""
    halves = [
        " && ".join(_sql(configuration, is_beginning=_is_beginning(term, terms)) for term in terms)
        for configuration in CONFIGURATIONS
    ]
    return " || ".join(f"({half})" for half in halves), [term.plain for term in terms] * len(halves)


def any_of(terms: Sequence[Term]) -> Query:
    """Any single word of the terms."""
    words = [
        (word, _is_beginning(term, terms) and place == len(term.words))
        for term in terms
        for place, word in enumerate(term.words, start=1)
    ]
    sql = [
        _sql(configuration, is_beginning=is_beginning)
        for _word, is_beginning in words
        for configuration in CONFIGURATIONS
    ]
    return " || ".join(sql), [word for word, _ in words for _configuration in CONFIGURATIONS]


def beginning_of(stem: str) -> str:
    """A pattern that each text with a word of this stem has in it, in any case.

    A word begins as its stem does, but for the stem's last letter ("easy": "easi"); a few short
    ones have only the first letter in common ("dying": "die", "skies": "sky"). A number
    has no forms.
    """
    if _NUMBER.fullmatch(stem):
        return f"(?:^|[^0-9]){stem}(?:[^0-9]|$)"
    letters = stem[: len(stem) - 1] if len(stem) > SHORT else stem[0]
    return "".join(map(_pattern_of, letters))


def _pattern_of(letter: str) -> str:
    if letter in LETTERS or _PLAIN.match(letter):
        return LETTERS.get(letter, letter)
    parts = len(unicodedata.normalize("NFD", letter))
    return "." if parts == 1 else f".{{1,{parts}}}"


def _is_beginning(term: Term, terms: Sequence[Term]) -> bool:
    return term is terms[-1] and term.may_go_on


def _sql(configuration: str, *, is_beginning: bool) -> str:
    """A term as a query; an empty one where the language leaves all of its words out."""
    words = f"phraseto_tsquery('{configuration}', %s)"
    if not is_beginning:
        return words
    # A query as text is quoted by PostgreSQL itself; `:*` then belongs to its last word.
    return f"coalesce((nullif({words}::text, '') || ':*')::tsquery, '')"
