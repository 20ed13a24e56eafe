"""Whose address a request or a socket comes from, and who counts as one with it.

webchat.proxies has put the client in the place of a trusted proxy by then: nobody else reads
forwarded headers.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from django.http import HttpRequest

Address = IPv4Address | IPv6Address
# One customer of a provider has at least so much of IPv6: each of its addresses is theirs.
IPV6_GROUP_BITS: Final = 64
MAX_LENGTH: Final = 64


def client_address(source: HttpRequest | dict[str, Any]) -> str:
    """Of a request or an ASGI scope; empty where there is none (a Unix socket)."""
    if isinstance(source, HttpRequest):
        return str(source.META.get("REMOTE_ADDR") or "")
    return str((source.get("client") or [""])[0])


def address_group(address: str) -> str:
    """What limits count by: an IPv4 address, an IPv6 network of 64 bits, or what was given."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, IPV6_GROUP_BITS), strict=False))
    return str(parsed or address)


def parse_address(text: str) -> Address | None:
    """Also with a port, in brackets, with a zone, or IPv4 in an IPv6 coat."""
    text = text.strip().strip('"')[:MAX_LENGTH]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
