"""Rules for usernames and names: normalised first, then checked; one place for all who make people.

A username is what a person is known by: it stands beside the name wherever two could be mixed up.
Whether somebody's looks alike is asked of the database by chat.models.people; nothing here is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import groupby
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.content.alphabets import are_of_one_alphabet, is_letter, reads_from_right
from chat.content.lookalikes import skeleton
from chat.content.text import check_line
from chat.errors import BadTextError, ChatError, EmptyTextError, TooLongError

NAME_LENGTH: Final = 64
USERNAME_LENGTH: Final = 32
# As typed: until they are normalised, letters and their accents are counted apart.
MAX_TYPED: Final = 4 * NAME_LENGTH
# What the product itself calls accounts, and what it shows for the name of whoever has gone.
BOT_PREFIX: Final = "bot-"
DELETED_PREFIX: Final = "deleted-"
DELETED_NAME: Final = _("Deleted account")
# Words that speak for the chat, or for everybody in it.
RESERVED: Final = """
    admin administrator all anonymous bot channel chat deleted everybody everyone group guest help
    here me mod moderator nobody none null official operator owner root security staff support
    system undefined webchat webmaster you
    админ администратор бот все всем вы группа здесь канал модератор никто оператор поддержка
    помощь система удалён чат я
"""
# A name that millions have, though it looks like a reserved word.
_NOT_RESERVED: Final = frozenset({"ali"})

_DIGITS: Final = frozenset("0123456789")
_SIGNS: Final = frozenset("._-+@")
_PARTED_BY_SIGNS: Final = re.compile(r"[^._+@-]+(?:[._+@-][^._+@-]+)*")
_A_USERNAME: Final = re.compile(r"(?<!\w)@\w")
# What nobody sees, or what turns the words around it; not what joins letters, emoji and flags.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_JOINERS: Final = re.compile("[\u200c\u200d\U000e0020-\U000e007f]")
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# UTS #39, 5.4: no writing needs more marks on one letter.
_MAX_MARKS: Final = 4


def normal_form(typed: str) -> str:
    """A username as it is stored and compared: in lower case, each letter in its one form."""
    lower = unicodedata.normalize("NFKC", typed.strip()).lower()
    return unicodedata.normalize("NFKC", lower).strip()


def check_username(typed: str) -> str:
    """Its normal form. Raises ChatError, saying what to change."""
    name = normal_form(typed) if len(typed) <= MAX_TYPED else typed
    if not name:
        raise EmptyTextError(_("Choose a username."))
    if len(name) > USERNAME_LENGTH:
        too_long = gettext(
            "The username is too long: the limit is %(limit)d characters. Shorten it."
        )
        raise TooLongError(too_long % {"limit": USERNAME_LENGTH})
    _check_characters(name)
    if not _PARTED_BY_SIGNS.fullmatch(name):
        raise BadTextError(
            _(
                "A username must begin and end with a letter or digit. Do not put two signs next to"
                " each other."
            )
        )
    if skeleton(name).startswith(tuple(map(skeleton, (BOT_PREFIX, DELETED_PREFIX)))):
        raise _reserved()
    return name


def check_not_reserved(name: str) -> None:
    """Of a username or a name that somebody gives themselves. Raises BadTextError."""
    bare = "".join(filter(str.isalnum, name)).casefold()
    if bare not in _NOT_RESERVED and skeleton(bare) in _reserved_shapes():
        raise _reserved()


def check_name(typed: str) -> str:
    """How others see somebody: on one line, in NFC. Raises ChatError, saying what to change."""
    if len(typed) > MAX_TYPED:
        raise TooLongError
    name = check_line(unicodedata.normalize("NFC", typed), limit=NAME_LENGTH)
    if any(map(_is_unseen, name)) or _has_towers(name):
        raise BadTextError(_("The name contains invisible or unreadable characters. Remove them."))
    if _A_USERNAME.search(name):
        raise BadTextError(
            _("A name cannot contain an @username: yours is shown next to it. Remove the @.")
        )
    return name


def validate_username(value: str) -> None:
    """For Django's fields. Raises ValidationError."""
    with as_validation_error():
        check_username(value)


@contextmanager
def as_validation_error() -> Iterator[None]:
    """What is said against a name, as forms and Django's commands understand it."""
    try:
        yield
    except ChatError as error:
        raise ValidationError(str(error.detail)) from error


def _check_characters(name: str) -> None:
    letters = "".join(c for c in name if c not in _DIGITS | _SIGNS)
    if not all(map(is_letter, letters)):
        raise BadTextError(_("Use only letters, the digits 0 to 9 and . _ - + @ in a username."))
    if not are_of_one_alphabet(letters):
        raise BadTextError(
            _("Use letters of one alphabet only: some of these look like letters of another.")
        )
    # The same signs in another order would be drawn alike.
    if letters and reads_from_right(letters[0]) and name[0] != letters[0]:
        raise BadTextError(_("A username that reads from right to left must begin with a letter."))


def _reserved() -> BadTextError:
    return BadTextError(_("This name is reserved. Choose another one."))


@cache
def _reserved_shapes() -> frozenset[str]:
    words = set(RESERVED.split())
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            words.add("".join(str(DELETED_NAME).split()))
    return frozenset(map(skeleton, words))


def _is_unseen(character: str) -> bool:
    is_joiner = bool(_JOINERS.match(character))
    return character in _BLANK or (unicodedata.category(character) in _UNSEEN and not is_joiner)


def _has_towers(name: str) -> bool:
    marks = (unicodedata.category(character) in {"Mn", "Me"} for character in name)
    return any(is_mark and len(list(run)) > _MAX_MARKS for is_mark, run in groupby(marks))
