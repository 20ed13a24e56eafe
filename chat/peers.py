"""From where a request comes, as its connection says: forwarded headers are anyone's to forge.

Behind a proxy the server is told whom to believe (daphne --proxy-headers).
"""

from __future__ import annotations

import ipaddress
from typing import Final

from django.http import HttpRequest

# What one household, office or machine is given of IPv6, to take any address of.
IPV6_PREFIX: Final = 64


def address_of(request: HttpRequest | None) -> str:
    return str(request.META.get("REMOTE_ADDR") or "") if request else ""


def network_of(address: str) -> str:
    """What is counted as one address: of IPv6 its /64, of an IPv4 address in IPv6 that one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), IPV6_PREFIX), strict=False))


def network_of_request(request: HttpRequest) -> str:
    return network_of(address_of(request))
