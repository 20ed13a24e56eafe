"""The search on SQLite: reads messages from the newest back, a bounded part at a time.

Each term must stand at the beginning of a word, in any case of any alphabet (SQLite's own LIKE
knows the case of ASCII letters only).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chat.models.messages import MessageQuerySet
from chat.search.found import Found, Scope
from chat.search.words import Hit, Term

# About a tenth of a second. What is farther back is on the next page, even when this one is short.
MAX_SCANNED = 20_000


def find(messages: MessageQuerySet, terms: Sequence[Term], *, scope: Scope, limit: int) -> Found:
    """`messages`: those within the scope, newest first."""
    patterns = [re.compile(_pattern(term), re.IGNORECASE) for term in terms]
    ids: list[int] = []
    before_id: int | None = None
    rows = messages.values_list("pk", "content")[:MAX_SCANNED]
    for scanned, (pk, content) in enumerate(rows.iterator(chunk_size=500), start=1):
        if all(pattern.search(content) for pattern in patterns):
            ids.append(pk)
        if len(ids) == limit or scanned == MAX_SCANNED:
            before_id = pk
            break
    found = list(messages.filter(pk__in=ids))
    # The longest first: what is found does not overlap.
    either = "|".join(sorted((pattern.pattern for pattern in patterns), key=len, reverse=True))
    return Found(found, [_hits(message.content, either) for message in found], before_id)


def _pattern(term: Term) -> str:
    words = r"\W+".join(map(re.escape, term.words))
    end = r"(?!\w)" if term.is_quoted else ""
    return rf"(?<!\w){words}{end}"


def _hits(content: str, pattern: str) -> list[Hit]:
    return [found.span() for found in re.finditer(pattern, content, re.IGNORECASE)]
