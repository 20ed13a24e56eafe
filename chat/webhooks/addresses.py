"""Which addresses a webhook may have, and whom a connection may be made to.

A name is resolved once for each connection and every address behind it is checked; the connection
then goes to a checked address, so a name that changes its mind in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop

from chat.models.webhooks import URL_LENGTH

NO_URL: Final = gettext_noop(
    "This is no address of a receiver. Expected one like https://example.org/hook."
)
HAS_PASSWORD: Final = gettext_noop(
    "The address holds a name or a password. Leave them out: receivers check the signature."
)
NO_TLS: Final = gettext_noop(
    "The address must begin with https. WEBHOOK_ALLOW_HTTP=true allows http, too."
)
WRONG_PORT: Final = gettext_noop("Expected the port 80, 443, or one from 1024 up.")
UNKNOWN_NAME: Final = gettext_noop("The name in the address is not known. Check its spelling.")
NO_ANSWER: Final = gettext_noop(
    "The name in the address could not be looked up in time. Try again later."
)
PRIVATE: Final = gettext_noop(
    "The address leads into a private network. WEBHOOK_ALLOW_PRIVATE=true allows that."
)

LOOK_UP_SECONDS: Final = 5.0
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
LOWEST_FREE_PORT: Final = 1024
_PATH_CHARACTERS: Final = "!$%&'()*+,/:;=?@[]~"

_PROTOCOLS: Final = ipaddress.ip_network("192.0.0.0/24")
_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR: Final = ipaddress.ip_network("2002::/16")


class AddressRefusedError(Exception):
    """Raised with a sentence (a msgid) that says what is wrong with an address."""


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver's address, taken apart. `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str) -> Target:
    """Raises AddressRefusedError."""
    parts, port = _split(url)
    if parts.username is not None or parts.password is not None:
        raise AddressRefusedError(HAS_PASSWORD)
    if parts.scheme == "http" and not settings.WEBHOOK_ALLOW_HTTP:
        raise AddressRefusedError(NO_TLS)
    if port not in DEFAULT_PORTS.values() and port < LOWEST_FREE_PORT:
        raise AddressRefusedError(WRONG_PORT)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return Target(parts.scheme, _ascii_host(parts), port, quote(path, safe=_PATH_CHARACTERS))


def resolve(target: Target) -> list[str]:
    """The IP addresses behind the name. Raises AddressRefusedError when one may not be reached."""
    found = _look_up(target)
    # In the order of the resolver, which knows what this machine can reach.
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(map(is_public, addresses)):
        raise AddressRefusedError(PRIVATE)
    return addresses


def _look_up(target: Target) -> list[Any]:
    """The system's own look-up knows no time limit: a thread is left behind with a slow one."""
    answers: SimpleQueue[list[Any]] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            answers.put([])

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        found = answers.get(timeout=LOOK_UP_SECONDS)
    except Empty:
        raise AddressRefusedError(NO_ANSWER) from None
    if not found:
        raise AddressRefusedError(UNKNOWN_NAME)
    return found


def is_public(text: str) -> bool:
    """Whether it is an address of the whole internet. Of an IPv6 address that stands for an IPv4
    one, the latter counts; those of retired ways to wrap one (6to4, Teredo) are none."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and address not in _PROTOCOLS
    if address in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)))
    if address.ipv4_mapped is not None:
        return is_public(str(address.ipv4_mapped))
    return address in _UNICAST and address.is_global and address not in _SIX_TO_FOUR


def _split(url: str) -> tuple[SplitResult, int]:
    if len(url) > URL_LENGTH or not url.isprintable() or any(map(str.isspace, url)):
        raise AddressRefusedError(NO_URL)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefusedError(NO_URL) from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.fragment or "\\" in url:
        raise AddressRefusedError(NO_URL)
    return parts, DEFAULT_PORTS[parts.scheme] if port is None else port


def _ascii_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        raise AddressRefusedError(NO_URL) from None
