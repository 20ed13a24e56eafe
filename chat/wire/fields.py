"""What somebody sent with a request, field by field: the one place where each kind is checked.

A frame's fields, and over HTTP those of the body, the query and the address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from chat.errors import BadRequestError
from chat.models.ids import LARGEST_ID

MAX_PAGE: Final = 10_000
MAX_WORDS: Final = 64


@dataclass(frozen=True, slots=True)
class Fields:
    """Still to be checked: each accessor raises BadRequestError, which names the field."""

    given: dict[str, Any]

    def has(self, name: str) -> bool:
        """Whether it was sent, be it null."""
        return name in self.given

    def id(self, name: str) -> int:
        """A row's id: a whole number, positive, within PostgreSQL's bigint."""
        value = self._whole_number(name, minimum=1)
        if value is None:
            raise _missing(name)
        return value

    def optional_id(self, name: str) -> int | None:
        return None if self.given.get(name) is None else self._whole_number(name, minimum=1)

    def number(self, name: str) -> int:
        """A seq or a revision: a whole number, 0 or more."""
        value = self._whole_number(name, minimum=0)
        if value is None:
            raise _missing(name)
        return value

    def optional_number(self, name: str) -> int | None:
        return None if self.given.get(name) is None else self._whole_number(name, minimum=0)

    def page(self) -> int:
        """Which page of a list is asked for, from 0."""
        return min(self.optional_number("page") or 0, MAX_PAGE)

    def words(self) -> str:
        """What is looked for in a list (`q`): empty where all of it is asked for."""
        words = str(self.given.get("q", "")).strip()
        if "\x00" in words:
            raise BadRequestError.of("q", _("a string"))
        return words[:MAX_WORDS]

    def text(self, name: str) -> str:
        value = self.given.get(name)
        if value is None:
            raise _missing(name)
        if not isinstance(value, str):
            raise BadRequestError.of(name, _("a string"))
        return value

    def optional_text(self, name: str) -> str:
        """Empty where it is missing."""
        return "" if self.given.get(name) is None else self.text(name)

    def names(self, name: str, *, most: int) -> list[str]:
        """Several usernames with spaces between them, at most so many."""
        names = self.text(name).split()
        if len(names) > most or "\x00" in "".join(names):
            raise BadRequestError.of(name, _("a list of up to %(most)d usernames") % {"most": most})
        return names

    def ids(self, name: str, *, most: int) -> list[int]:
        """Several rows' ids, at most so many."""
        value = self.given.get(name)
        if value is None:
            raise _missing(name)
        if not isinstance(value, list) or len(value) > most or not all(map(_is_id, value)):
            raise BadRequestError.of(name, _("a list of up to %(most)d ids") % {"most": most})
        return value

    def uuid(self, name: str) -> UUID:
        try:
            return UUID(self.text(name))
        except ValueError:
            raise BadRequestError.of(name, _("a UUID")) from None

    def uuids(self, name: str, *, most: int) -> tuple[UUID, ...]:
        """At most so many, each once; none where the field is missing."""
        given = self.given.get(name)
        if given is None:
            return ()
        try:
            found = tuple(map(UUID, given)) if isinstance(given, list) else None
        except (AttributeError, TypeError, ValueError):
            found = None
        if found is None or len(found) > most or len(set(found)) < len(found):
            expected = _("a list of up to %(most)d different UUIDs") % {"most": most}
            raise BadRequestError.of(name, expected)
        return found

    def flag(self, name: str) -> bool:
        value = self.given.get(name)
        if not isinstance(value, bool):
            raise BadRequestError.of(name, _("true or false"))
        return value

    def _whole_number(self, name: str, *, minimum: int) -> int | None:
        value = self.given.get(name)
        if value is None:
            return None
        # A bool is an int to Python, but nobody means chat True.
        if type(value) is not int or not minimum <= value <= LARGEST_ID:
            raise BadRequestError.of(name, _("a whole number"))
        return value


def _is_id(value: object) -> bool:
    # A bool is an int to Python, but nobody means chat True.
    return type(value) is int and 1 <= value <= LARGEST_ID


def _missing(name: str) -> BadRequestError:
    return BadRequestError(_("“%(field)s” is missing.") % {"field": name})
