"""Whose word about a client's address and scheme counts, and nobody else's."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from webchat.environment import Environment
from webchat.proxies import ProxyGate, TrustedProxies

OURS = "10.0.0.0/8,192.168.1.1,2001:db8:aaaa::/48"


def proxies(named: str = OURS) -> TrustedProxies:
    return TrustedProxies(Environment({"TRUSTED_PROXIES": named}).proxies("TRUSTED_PROXIES"))


async def seen(peer, headers=(), *, kind: str = "http", named: str = OURS, **scope) -> dict:
    """The scope that the application gets."""
    found = []

    async def application(scope, receive, send):
        found.append(scope)

    pairs = [(name.encode(), value.encode()) for name, value in headers]
    client = peer and [peer, 50123]
    await ProxyGate(application, proxies(named))(
        {"type": kind, "client": client, "headers": pairs, **scope}, None, None
    )
    return found[0]


async def address(peer, *forwarded_for: str, named: str = OURS) -> str | None:
    headers = [("x-forwarded-for", value) for value in forwarded_for]
    client = (await seen(peer, headers, named=named))["client"]
    return client and client[0]


class TestAddress:
    @pytest.mark.parametrize(
        ("forwarded_for", "client"),
        [
            ([], "10.0.0.1"),
            (["203.0.113.5"], "203.0.113.5"),
            (["203.0.113.5:50000"], "203.0.113.5"),
            (["[2001:db8::5]:50000"], "2001:db8::5"),
            (["fe80::5%eth0"], "fe80::5"),
            (["::ffff:203.0.113.5"], "203.0.113.5"),
            # What a stranger claims stands left of what the proxy saw.
            (["1.1.1.1, 203.0.113.5"], "203.0.113.5"),
            (["1.1.1.1", "203.0.113.5"], "203.0.113.5"),
            (["1.1.1.1, 10.0.0.9, 203.0.113.5"], "203.0.113.5"),
            (["garbage, 203.0.113.5"], "203.0.113.5"),
            # Through several of ours.
            (["1.1.1.1, 203.0.113.5, 192.168.1.1, 10.2.3.4"], "203.0.113.5"),
            (["203.0.113.5, 2001:db8:aaaa::7"], "203.0.113.5"),
            (["10.9.9.9, 10.2.3.4"], "10.9.9.9"),
            # What is no address says nothing: the client is whoever handed it on.
            (["garbage"], "10.0.0.1"),
            (["203.0.113.5, unknown"], "10.0.0.1"),
            (["203.0.113.5, unknown, 10.2.3.4"], "10.2.3.4"),
            (["203.0.113.5,"], "10.0.0.1"),
            ([""], "10.0.0.1"),
        ],
        ids=str,
    )
    async def test_is_the_right_most_that_is_no_proxys(self, forwarded_for, client):
        assert await address("10.0.0.1", *forwarded_for) == client

    @pytest.mark.parametrize("peer", ["203.0.113.9", "11.0.0.1", "2001:db8:bbbb::1", None])
    async def test_is_the_peers_own_when_nobody_trusts_it(self, peer):
        assert await address(peer, "1.1.1.1") == peer

    async def test_is_never_taken_from_a_header_without_named_proxies(self):
        assert await address("127.0.0.1", "1.1.1.1", named="") == "127.0.0.1"

    async def test_of_a_mapped_or_zoned_peer_is_its_plain_form(self):
        assert await address("::ffff:10.0.0.1", "203.0.113.5") == "203.0.113.5"
        assert await address("::ffff:203.0.113.9", "1.1.1.1") == "203.0.113.9"
        assert await address("fe80::1%eth0") == "fe80::1"

    async def test_comes_over_a_unix_socket_when_that_is_named(self):
        assert await address(None, "203.0.113.5", named="unix") == "203.0.113.5"
        assert await address(None, "203.0.113.5") is None

    async def test_has_no_port_of_the_proxys(self):
        headers = [("x-forwarded-for", "203.0.113.5")]
        assert (await seen("10.0.0.1", headers))["client"] == ["203.0.113.5", 0]
        assert (await seen("10.0.0.1"))["client"] == ["10.0.0.1", 50123]


class TestScheme:
    @pytest.mark.parametrize(
        ("kind", "said", "scheme"),
        [
            ("http", "https", "https"),
            ("http", "HTTPS", "https"),
            ("http", "http", "http"),
            ("http", "ftp", None),
            ("http", "http, https", None),
            ("websocket", "https", "wss"),
            ("websocket", "http", "ws"),
        ],
    )
    async def test_is_what_a_proxy_says(self, kind, said, scheme):
        headers = [("x-forwarded-proto", said)]
        assert (await seen("10.0.0.1", headers, kind=kind)).get("scheme") == scheme

    async def test_is_not_what_a_stranger_says(self):
        headers = [("x-forwarded-proto", "https")]
        assert (await seen("203.0.113.9", headers, scheme="http"))["scheme"] == "http"


class TestForwardedHeaders:
    NAMES = ("x-forwarded-for", "x-forwarded-proto", "X-Forwarded-Host", "forwarded", "x-real-ip")

    @pytest.mark.parametrize("peer", ["10.0.0.1", "203.0.113.9"])
    async def test_reach_nobody_behind(self, peer):
        headers = [(name, "1.1.1.1") for name in self.NAMES] + [("host", "chat.example")]
        assert (await seen(peer, headers))["headers"] == [(b"host", b"chat.example")]


class TestVariable:
    @pytest.mark.parametrize("text", ["localhost", "10.0.0.1/8", "300.1.1.1", "*", "1.2.3.4:80"])
    def test_that_names_no_network_is_refused(self, text):
        with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
            Environment({"TRUSTED_PROXIES": text}).proxies("TRUSTED_PROXIES")
