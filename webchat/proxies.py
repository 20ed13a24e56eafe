"""Puts the client's address and scheme in the place of a trusted proxy's, once, for all behind it.

The outermost application. Forwarded headers of anybody else are taken away: nobody believes them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from chat.addresses import Address, parse_address
from webchat.environment import UNIX, Network

Scope = dict[str, Any]
FORWARDED: Final = {
    b"forwarded",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-real-ip",
}
SCHEMES: Final = {"http": {"http": "http", "https": "https"}}
SCHEMES["websocket"] = {"http": "ws", "https": "wss"}


class TrustedProxies:
    """Networks, and perhaps `unix`: whoever can open the Unix socket that we listen on."""

    def __init__(self, named: Collection[Network | str]) -> None:
        self._networks = [network for network in named if not isinstance(network, str)]
        self._trusts_unix = UNIX in named

    def trusts(self, address: str | None) -> bool:
        """A peer by its address; None for a Unix socket."""
        if address is None:
            return self._trusts_unix
        parsed = parse_address(address)
        return parsed is not None and self._has(parsed)

    def client_of(self, peer: str | None, forwarded_for: str) -> str | None:
        """The right-most address that is no trusted proxy's: what stands left of it anyone may say.

        An entry that is no address ends the look: the client is then whoever handed it on.
        """
        client = peer
        for entry in reversed(forwarded_for.split(",") if forwarded_for else []):
            parsed = parse_address(entry)
            if parsed is None:
                break
            client = str(parsed)
            if not self._has(parsed):
                break
        return client

    def _has(self, address: Address) -> bool:
        return any(
            address.version == network.version and address in network for network in self._networks
        )


class ProxyGate:
    def __init__(self, application: Any, proxies: TrustedProxies) -> None:
        self._application = application
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] in SCHEMES:
            scope = self._seen_through(scope)
        await self._application(scope, receive, send)

    def _seen_through(self, scope: Scope) -> Scope:
        peer, port = scope.get("client") or (None, 0)
        headers = [pair for pair in scope["headers"] if pair[0].lower() not in FORWARDED]
        seen = {**scope, "headers": headers, "client": _client(peer, port)}
        # Daphne believes a client's Daphne-Root-Path header; we are always mounted at the root.
        seen["root_path"] = ""
        if self._proxies.trusts(peer):
            client = self._proxies.client_of(peer, ",".join(_values(scope, b"x-forwarded-for")))
            seen["client"] = _client(client, port if client == peer else 0)
            schemes = [value.strip() for value in _values(scope, b"x-forwarded-proto")]
            if schemes and (scheme := SCHEMES[scope["type"]].get(schemes[-1].lower())):
                seen["scheme"] = scheme
        return seen


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _client(address: str | None, port: int) -> list[str | int] | None:
    """As ASGI has it, the address in one form whichever way it came."""
    if address is None:
        return None
    return [str(parse_address(address) or address), port]
