"""What staff types to find rows: a number, `CHAT:PLACE`, `chat:7`, `@ann`; each word narrows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db.models import Q

from chat.models import User
from chat.models.ids import LARGEST_ID

# By the word before the colon ("" for a word without one; "@" for a username).
Meanings = Mapping[str, Callable[[str], Q]]


def row_id(text: str) -> int:
    """A number that can be an id. Raises ValueError."""
    number = int(text)
    if not 0 <= number <= LARGEST_ID:
        raise ValueError(text)
    return number


def by_username(field: str) -> Callable[[str], Q]:
    """Rows whose person is called so, as people themselves type it to sign in."""
    return lambda name: Q(**{f"{field}__in": User.objects.named(name).values("pk")})


def find(words: str, meanings: Meanings) -> Q:
    """The rows that every word is true of; none for a word that means nothing here."""
    found = Q()
    for word in words.replace("\0", " ").split():
        found &= _meaning_of(word, meanings)
    return found


def _meaning_of(word: str, meanings: Meanings) -> Q:
    kind, value = ("@", word[1:]) if word.startswith("@") else _split(word)
    try:
        return meanings[kind](value)
    except (KeyError, ValueError):
        return Q(pk__in=[])


def _split(word: str) -> tuple[str, str]:
    kind, colon, value = word.partition(":")
    if not colon:
        return "", word
    return ("place", word) if kind.isdigit() else (kind.lower(), value)
