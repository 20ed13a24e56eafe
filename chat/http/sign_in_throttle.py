"""Slows the guessing of passwords, wherever one is asked for, and locks no owner out.

Note [Who a wrong password counts for]. Tries are counted before the password is looked at, so that
many at once are not free, and given back when it was right. All rows are in chat/limits/table.py.

1. A device in which the account has signed in before (a signed cookie names both) has a count of
   its own, by device. Others behind the same address cannot use it up, and a cookie copied to a
   thousand addresses gets no more tries than one. Past it, a known device is as any other.
2. On any other device an account has so many tries at each address. When it is tried from many
   addresses each has fewer, yet never none: who comes from elsewhere can always try.
3. Besides, an address has so many tries at accounts that exist, on devices that are not known.
   Names that nobody has use nothing of that up: forty invented ones keep no one out. When it is
   used up, all names are refused alike, so that being refused tells nothing of a name.
4. Each try costs a slow hash, also for a name that nobody has: of any names together an address has
   so many, a number that no office of people reaches by mistyping.
5. Who is signed in is known: what asks for one's own password once more counts by session alone, so
   that neither the address nor the sign-in page can use it up, nor the other way round.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from chat.addresses import address_group, client_address
from chat.audit.sign_ins import record_failed_sign_in
from chat.content.names import normal_form
from chat.errors import TooManyError
from chat.limits.counting import Count, add, forget, give_back, seconds_to_wait, take
from chat.limits.digests import digest_of
from chat.limits.table import (
    PASSWORDS_OF_ACCOUNT,
    PASSWORDS_OF_ACCOUNT_HERE,
    PASSWORDS_OF_ADDRESS,
    PASSWORDS_OF_ANY_NAME,
    PASSWORDS_OF_DEVICE,
    PASSWORDS_OF_SESSION,
    PASSWORDS_UNDER_ATTACK,
    Limit,
)
from chat.limits.words import too_many
from chat.models import User

KNOWN_SECONDS: Final = 180 * 24 * 3600
DEVICE_BYTES: Final = 16
_SALT: Final = "chat.sign-in.known-browser"


class Device(NamedTuple):
    """A browser in which this account has signed in before."""

    account: str
    number: str


@dataclass(slots=True)
class Attempt:
    """One try to sign in."""

    account: str
    address: str
    device: Device | None = None
    _taken: list[Count] = field(default_factory=list)

    @classmethod
    def of(cls, request: HttpRequest, username: str) -> Attempt:
        account = normal_form(username)
        device = known_device(request)
        is_own = device is not None and device.account == account
        return cls(account, client_address(request), device if is_own else None)

    def begin(self) -> None:
        """Counts this try. Raises TooManyError: then the password is not to be looked at."""
        self._taken.clear()
        if self._begin_on_known_device():
            return
        try:
            self._begin_anywhere()
        except TooManyError:
            record_failed_sign_in(self.account, self.address)
            raise

    def succeeded(self) -> None:
        """It was no guess: nothing of it counts."""
        for count in self._taken:
            if count.limit in {PASSWORDS_OF_ACCOUNT_HERE, PASSWORDS_OF_DEVICE}:
                forget(count)
            else:
                give_back(count)

    def _begin_on_known_device(self) -> bool:
        """False when it is none, or has had its tries."""
        if self.device is None:
            return False
        count = Count(PASSWORDS_OF_DEVICE, digest_of(*self.device))
        try:
            take(count)
        except TooManyError:
            return False
        self._taken.append(count)
        return True

    def _begin_anywhere(self) -> None:
        if seconds := seconds_to_wait(self._at_address):
            raise too_many(PASSWORDS_OF_ADDRESS, seconds)
        limited = [
            self._count(PASSWORDS_OF_ACCOUNT_HERE, self.account, self._network),
            Count(PASSWORDS_OF_ANY_NAME, self._network),
        ]
        if seconds_to_wait(self._at_account):
            limited.append(self._count(PASSWORDS_UNDER_ATTACK, self.account, self._network))
        take(*limited)
        # The same work whether somebody has the name or not.
        is_someone = User.objects.named(self.account).exists()
        at_address = self._at_address if is_someone else Count(PASSWORDS_OF_ADDRESS, "nobody")
        add(at_address)
        add(self._at_account)
        self._taken += [*limited, at_address, self._at_account]

    @property
    def _network(self) -> str:
        return address_group(self.address)

    @property
    def _at_address(self) -> Count:
        return Count(PASSWORDS_OF_ADDRESS, self._network)

    @property
    def _at_account(self) -> Count:
        return self._count(PASSWORDS_OF_ACCOUNT, self.account)

    @staticmethod
    def _count(limit: Limit, *who: str) -> Count:
        return Count(limit, digest_of(*who))


@dataclass(slots=True)
class OwnPassword:
    """The password of who is signed in, asked for once more: a stolen session must not become a
    place to guess it."""

    request: HttpRequest
    user: User

    def is_right(self, password: str) -> bool:
        """Raises TooManyError: then it was not looked at."""
        count = Count(PASSWORDS_OF_SESSION, digest_of(self.request.session.session_key or ""))
        try:
            take(count)
        except TooManyError:
            record_failed_sign_in(self.user.username, client_address(self.request))
            raise
        is_right = self.user.check_password(password)
        if is_right:
            forget(count)
        return is_right


def known_device(request: HttpRequest) -> Device | None:
    """None for a cookie that is missing, forged or too old."""
    try:
        found = signing.loads(
            request.COOKIES.get(settings.KNOWN_COOKIE_NAME, ""), salt=_SALT, max_age=KNOWN_SECONDS
        )
        return Device(str(found["account"]), str(found["device"]))
    except (signing.BadSignature, KeyError, TypeError):
        return None


def remember_browser(response: HttpResponseBase, *, account: str, secure: bool) -> None:
    """Says that this account's owner has signed in here."""
    device = {"account": normal_form(account), "device": secrets.token_hex(DEVICE_BYTES)}
    value = signing.dumps(device, salt=_SALT)
    response.set_cookie(
        settings.KNOWN_COOKIE_NAME,
        value,
        max_age=KNOWN_SECONDS,
        httponly=True,
        secure=secure,
        samesite="Lax",
    )
