"""The search on SQLite: reads messages from the newest back, a bounded part at a time.

Each term must stand at the beginning of a word, in any case of any alphabet (SQLite's own LIKE
knows the case of ASCII letters only).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from chat.models.messages import MessageQuerySet
from chat.search.found import Found, Scope
from chat.search.words import LETTER, Hit, Term, folded, places_of_words

# About a tenth of a second. What is farther back is on the next page, even when this one is short.
MAX_SCANNED = 20_000


def find(messages: MessageQuerySet, terms: Sequence[Term], *, scope: Scope, limit: int) -> Found:
    """`messages`: those within the scope, newest first."""
    patterns = [re.compile(_pattern(term), re.IGNORECASE) for term in terms]
    ids: list[int] = []
    before_id: int | None = None
    rows = messages.values_list("pk", "content")[:MAX_SCANNED]
    for scanned, (pk, content) in enumerate(rows.iterator(chunk_size=500), start=1):
        text = folded(content)
        if all(pattern.search(text) for pattern in patterns):
            ids.append(pk)
        if len(ids) == limit or scanned == MAX_SCANNED:
            before_id = pk
            break
    found = list(messages.filter(pk__in=ids))
    words = re.compile("|".join(_word_patterns(terms)), re.IGNORECASE)
    return Found(found, [_hits(message.content, words) for message in found], before_id)


def _pattern(term: Term) -> str:
    """Of a folded text that has the term."""
    words = term.words
    between = [
        # A number may touch a word, and words only numbers.
        rf"{_end(one)}[\W_]*{re.escape(next_one)}"
        for one, next_one in pairwise(words)
    ]
    beginning = rf"(?<!{_kind(words[0])}){re.escape(words[0])}"
    return beginning + "".join(between) + ("" if term.may_go_on else _end(words[-1]))


def _end(word: str) -> str:
    return rf"(?!{_kind(word)})"


def _kind(word: str) -> str:
    return "[0-9]" if word.isdecimal() and word.isascii() else LETTER


def _word_patterns(terms: Sequence[Term]) -> list[str]:
    """Of each single word of the terms."""
    return [
        re.escape(word) + (".*" if term.may_go_on and place == len(term.words) else "")
        for term in terms
        for place, word in enumerate(term.words, start=1)
    ]


def _hits(content: str, words: re.Pattern[str]) -> list[Hit]:
    return [place for word, place in places_of_words(content) if words.fullmatch(word)]
