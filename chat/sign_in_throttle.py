"""Slows the guessing of passwords without locking the owner of an account out.

Counts failed tries in Django's cache. Three rules, each over WINDOW_SECONDS: an address may fail so
often at one account; an address may fail so often in all; and when an account is tried from many
addresses, each of them has fewer tries, yet never none. A browser in which the person signed in
before (a signed cookie) is bound by the first rule alone, with a counter of its own, so that others
behind the same address cannot use it up.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass

from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponseBase

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
        account = username.strip().casefold()
        return cls(
            account=account,
            address=request.META.get("REMOTE_ADDR") or "",
            is_known_browser=_known_account(request) == account,
        )

    def seconds_to_wait(self) -> int:
        """0: may try now."""
        waits = [_wait(key, limit) for key, limit in self._limits().items()]
        return max(waits, default=0)

    def failed(self) -> None:
        for key in (self._pair, self._by_address, self._by_account):
            _count(key)

    def succeeded(self) -> None:
        cache.delete(self._pair)

    def _limits(self) -> dict[str, int]:
        if self.is_known_browser:
            return {self._pair: TRIES_PER_ACCOUNT_AND_ADDRESS}
        attacked = _wait(self._by_account, TRIES_PER_ACCOUNT) > 0
        each = TRIES_WHEN_ACCOUNT_IS_UNDER_ATTACK if attacked else TRIES_PER_ACCOUNT_AND_ADDRESS
        return {self._pair: each, self._by_address: TRIES_PER_ADDRESS}

    @property
    def _pair(self) -> str:
        return _key("pair", self.account, self.address, str(self.is_known_browser))

    @property
    def _by_address(self) -> str:
        return _key("address", self.address)

    @property
    def _by_account(self) -> str:
        return _key("account", self.account)


def remember_browser(response: HttpResponseBase, *, account: str, secure: bool) -> None:
    """Says that this account's owner has signed in here."""
    value = signing.dumps(account.casefold(), salt=_SALT)
    response.set_cookie(
        KNOWN_COOKIE, value, max_age=KNOWN_SECONDS, httponly=True, secure=secure, samesite="Lax"
    )


def _known_account(request: HttpRequest) -> str:
    value = request.COOKIES.get(KNOWN_COOKIE, "")
    try:
        return str(signing.loads(value, salt=_SALT, max_age=KNOWN_SECONDS))
    except signing.BadSignature:
        return ""


def _key(*parts: str) -> str:
    # Hashed: a cache key has a limited length and alphabet, and names stay out of the cache.
    return "sign-in:" + hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _count(key: str) -> None:
    # The window begins with its first failure and is not made longer by further ones.
    if cache.add(key, (1, time.time()), WINDOW_SECONDS):
        return
    count, since = cache.get(key) or (0, time.time())
    left = since + WINDOW_SECONDS - time.time()
    if left > 0:
        cache.set(key, (count + 1, since), left)


def _wait(key: str, limit: int) -> int:
    count, since = cache.get(key) or (0, 0.0)
    if count < limit:
        return 0
    return max(1, round(since + WINDOW_SECONDS - time.time()))
