"""Slows the guessing of passwords without locking the owner of an account out.

Counts tries that did not succeed in Django's cache. Three rules, each over WINDOW_SECONDS: an
address may fail so often at one account; an address may fail so often in all; and when an account
is tried from many addresses, each of them has fewer tries, yet never none. A browser in which the
person signed in before (a signed cookie) is bound by the first rule alone, with a counter of its
own, so that others behind the same address cannot use it up.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from chat import tries
from chat.audit.sign_ins import record_failed_sign_in
from chat.names import normal_form

WINDOW_SECONDS = 5 * 60
TRIES_PER_ACCOUNT_AND_ADDRESS = 6
TRIES_PER_ADDRESS = 40
TRIES_PER_ACCOUNT = 60
TRIES_WHEN_ACCOUNT_IS_UNDER_ATTACK = 2

KNOWN_COOKIE = "known"
KNOWN_SECONDS = 180 * 24 * 3600
_SALT = "chat.sign-in.known-browser"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in. `address` is the peer's own: forwarded headers are anyone's to forge."""

    account: str
    address: str
    is_known_browser: bool = False

    @classmethod
    def of(cls, request: HttpRequest, username: str) -> Attempt:
        account = normal_form(username)
        return cls(
            account=account,
            address=request.META.get("REMOTE_ADDR") or "",
            is_known_browser=_known_account(request) == account,
        )

    def begin(self) -> int:
        """Counts this try; seconds to wait before the next one is looked at, 0: this one may go on.

        Counted before the password is checked, so that many tries at once are not free.
        """
        for key, limit in self._limits().items():
            if seconds := tries.wait_seconds(key, most=limit, window_seconds=WINDOW_SECONDS):
                record_failed_sign_in(self.account, self.address)
                return seconds
        tries.count(self._by_account, window_seconds=WINDOW_SECONDS)
        return 0

    def succeeded(self) -> None:
        """It was no guess: nothing of it counts."""
        tries.forget(self._pair)
        for key in {*self._limits(), self._by_account} - {self._pair}:
            tries.uncount(key)

    def _limits(self) -> dict[str, int]:
        if self.is_known_browser:
            return {self._pair: TRIES_PER_ACCOUNT_AND_ADDRESS}
        is_attacked = tries.read(self._by_account) >= TRIES_PER_ACCOUNT
        each = TRIES_WHEN_ACCOUNT_IS_UNDER_ATTACK if is_attacked else TRIES_PER_ACCOUNT_AND_ADDRESS
        return {self._pair: each, self._by_address: TRIES_PER_ADDRESS}

    @property
    def _pair(self) -> str:
        return tries.key_of("pair", self.account, self.address, str(self.is_known_browser))

    @property
    def _by_address(self) -> str:
        return tries.key_of("address", self.address)

    @property
    def _by_account(self) -> str:
        return tries.key_of("account", self.account)


def remember_browser(response: HttpResponseBase, *, account: str, secure: bool) -> None:
    """Says that this account's owner has signed in here."""
    value = signing.dumps(normal_form(account), salt=_SALT)
    response.set_cookie(
        KNOWN_COOKIE, value, max_age=KNOWN_SECONDS, httponly=True, secure=secure, samesite="Lax"
    )


def _known_account(request: HttpRequest) -> str:
    value = request.COOKIES.get(KNOWN_COOKIE, "")
    try:
        return str(signing.loads(value, salt=_SALT, max_age=KNOWN_SECONDS))
    except signing.BadSignature:
        return ""
