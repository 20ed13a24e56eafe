"""Which addresses a webhook may have, and whom a connection may be made to.

A name is resolved once for each connection and every address behind it is checked; the connection
then goes to a checked address, so a name that changes its mind in between gains nothing.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from django.conf import settings
from django.utils.translation import gettext_noop

from chat.models.webhooks import URL_LENGTH

NO_URL: Final = gettext_noop(
    "This is not a receiver's address. Use one like https://example.org/hook."
)
HAS_PASSWORD: Final = gettext_noop(
    "The address contains a user name or a password. Leave them out: receivers check the signature."
)
NO_TLS: Final = gettext_noop(
    "The address must begin with https. WEBHOOK_ALLOW_HTTP=true allows http as well."
)
WRONG_PORT: Final = gettext_noop("Use port 80, 443, or one from 1024 up.")
# One sentence for everything that prevents a connection: the person who enters an address learns
# neither which names resolve here nor what is in our network. Operators find the reason in the log.
NO_WAY: Final = gettext_noop(
    "This address cannot be reached: its name is unknown, or it is not on the public internet."
    " Check the spelling, or ask whoever runs this chat: the log says more."
)

LOOK_UP_SECONDS: Final = 5.0
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
LOWEST_FREE_PORT: Final = 1024
_PATH_CHARACTERS: Final = "!$%&'()*+,/:;=?@[]~"

# All of IANA's registries of special-purpose addresses, with multicast: also the few entries that
# are reachable from everywhere, which are services of networks and no receivers. Python's own
# `is_global` follows the registries of its release's day. As of 2025-10:
# https://www.iana.org/assignments/iana-ipv4-special-registry
# https://www.iana.org/assignments/iana-ipv6-special-registry
_SPECIAL_V4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by a provider's customers
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",  # AS112, answered near by
            "192.52.193.0/24",  # multicast relays, likewise
            "192.88.99.0/24",  # relays of 6to4, likewise
            "192.168.0.0/16",
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
# Nothing outside it is given to anybody, but for special purposes.
_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6: Final = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocols, Teredo among them
            "2001:db8::/32",
            "2002::/16",  # 6to4
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",
        ),
    )
)
# Networks that hold an IPv4 address in the last 32 bits.
_WRAPPED: Final = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))

logger = logging.getLogger(__name__)


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
    """The IP addresses behind the name.

    Raises AddressRefusedError when there are none, or one of them may not be reached.
    """
    found = _look_up(target)
    # In the order of the resolver, which knows what this machine can reach.
    addresses = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    if not settings.WEBHOOK_ALLOW_PRIVATE and not all(map(is_public, addresses)):
        raise _no_way(target, "not public: WEBHOOK_ALLOW_PRIVATE=true allows it", addresses)
    return addresses


def _no_way(target: Target, reason: str, addresses: Sequence[str] = ()) -> AddressRefusedError:
    """The reason is for operators alone."""
    extra = {"host": target.host, "reason": reason, "addresses": list(addresses)}
    logger.info("no way to a webhook's address", extra=extra)
    return AddressRefusedError(NO_WAY)


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
        raise _no_way(target, "name lookup took too long") from None
    if not found:
        raise _no_way(target, "unknown name")
    return found


def is_public(text: str) -> bool:
    """Whether it is an address of the whole internet. Of an IPv6 address that stands for an IPv4
    one, the latter counts; those of retired ways to wrap one (6to4, Teredo) are none."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    if any(address in network for network in _WRAPPED):
        return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)))
    return address in _UNICAST and not any(address in network for network in _SPECIAL_V6)


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
