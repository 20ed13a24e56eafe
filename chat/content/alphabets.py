"""Which letters a username may hold, and which of them belong together. Knows nothing of people."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from confusable_homoglyphs.categories import alias

# Scripts in use today (UAX #31, table 5): of others hardly any device has the letters to show.
_IN_USE: Final = """
    ARABIC ARMENIAN BENGALI BOPOMOFO CYRILLIC DEVANAGARI ETHIOPIC GEORGIAN GREEK GUJARATI GURMUKHI
    HAN HANGUL HEBREW HIRAGANA KANNADA KATAKANA KHMER LAO LATIN MALAYALAM MYANMAR ORIYA SINHALA
    TAMIL TELUGU THAANA THAI TIBETAN
"""
_SCRIPTS: Final = frozenset(_IN_USE.split())
# Languages that are written in several at once.
_TOGETHER: Final = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"HAN", "HANGUL"}),
    frozenset({"HAN", "BOPOMOFO"}),
)
# Here a letter without a capital is a phonetic sign or a small capital: hardly anybody's letter,
# and drawn like another one.
_WITH_CAPITALS: Final = frozenset({"ARMENIAN", "CYRILLIC", "GREEK", "LATIN"})
_LETTERS: Final = frozenset({"Ll", "Lm", "Lo"})
# Parts of Korean syllables, among them some that nobody sees.
_JAMO: Final = re.compile("[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")
_LONG_VOWEL: Final = "ー"  # Unicode counts it to no script


def is_letter(character: str) -> bool:
    """Of a script in use, in lower case where there is one; no accent that stands by itself."""
    script = _script_of(character)
    return (
        unicodedata.category(character) in _LETTERS
        and script in _SCRIPTS
        and (script not in _WITH_CAPITALS or character.upper() != character)
        and not _JAMO.match(character)
    )


def are_of_one_alphabet(letters: str) -> bool:
    scripts = {_script_of(letter) for letter in letters}
    return len(scripts) <= 1 or any(scripts <= together for together in _TOGETHER)


def reads_from_right(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in {"R", "AL"}


def _script_of(character: str) -> str:
    return "KATAKANA" if character == _LONG_VOWEL else str(alias(character))
