"""Whom a webhook may be sent to; and that a connection goes to the address that was checked."""

from __future__ import annotations

import functools
import ipaddress
import logging
import socket
import ssl
import threading

import pytest

from chat.webhooks import addresses, requests
from chat.webhooks.addresses import (
    HAS_PASSWORD,
    NO_TLS,
    NO_URL,
    NO_WAY,
    WRONG_PORT,
    AddressRefusedError,
    is_public,
    parse_target,
    resolve,
)
from tests.support.certificates import Authority
from tests.support.receivers import Receiver

PUBLIC = "93.184.215.14"


@pytest.fixture
def names(monkeypatch):
    """What the resolver says from now on: `names["host"] = ["1.2.3.4", …]`, a list per question.
    It knows no other names, and asks nobody."""
    known: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def answer(host, port, *given, **options):
        if host not in known:
            options["flags"] = 0 if host == "localhost" else socket.AI_NUMERICHOST
            return real(host, port, *given, **options)
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


class TestSlowNameServer:
    def test_is_not_waited_for_longer_than_a_look_up_may_take(self, monkeypatch):
        is_over = threading.Event()
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_o: is_over.wait(60) and [])
        monkeypatch.setattr(addresses, "LOOK_UP_SECONDS", 0.05)
        with pytest.raises(AddressRefusedError, match=NO_WAY):
            resolve(parse_target("https://slow.example.org/hook"))
        is_over.set()


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "error"),
        [
            ("", NO_URL),
            ("example.org/hook", NO_URL),
            ("//example.org/hook", NO_URL),
            ("ftp://example.org/", NO_URL),
            ("file:///etc/passwd", NO_URL),
            ("https://", NO_URL),
            ("https:///hook", NO_URL),
            ("https://exam ple.org/", NO_URL),
            ("https://example.org/\n", NO_URL),
            ("https://example.org\\@127.0.0.1/", NO_URL),
            ("https://example.org/#part", NO_URL),
            ("https://example.org:99999/", NO_URL),
            ("https://example.org:x/", NO_URL),
            ("https://[::1/", NO_URL),
            (f"https://example.org/{'x' * 500}", NO_URL),
            ("https://user@example.org/", HAS_PASSWORD),
            ("https://user:pass@example.org/", HAS_PASSWORD),
            ("http://example.org/", NO_TLS),
            ("https://example.org:22/", WRONG_PORT),
            ("https://example.org:0/", WRONG_PORT),
        ],
    )
    def test_that_is_no_good_is_refused_with_the_reason(self, url, error):
        with pytest.raises(AddressRefusedError, match="^" + error[:20].replace(".", r"\.")):
            parse_target(url)

    def test_is_taken_apart(self):
        target = parse_target("https://Example.org:8443/a/ü b?x=1&y=ü".replace(" ", "%20"))
        assert (target.host, target.port) == ("example.org", 8443)
        assert target.path == "/a/%C3%BC%20b?x=1&y=%C3%BC"
        assert target.host_header == "example.org:8443"
        assert parse_target("https://пример.испытание/").host == "xn--e1afmkfd.xn--80akhbyknj4f"
        assert parse_target("https://[2606:2800::1]/").host_header == "[2606:2800::1]"

    def test_may_be_http_where_settings_say_so(self, settings):
        settings.WEBHOOK_ALLOW_HTTP = True
        assert parse_target("http://example.org").port == 80


# IANA's registries of special-purpose addresses, all of them, and what multicast and the retired
# ways to wrap an IPv4 address have besides.
SPECIAL = [
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8"),
    *("169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32"),
    *("192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24"),
    *("192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.88.99.2/32"),
    *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24"),
    *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "::/128"),
    *("::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
    *("2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48"),
    *("2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28"),
    *("2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7"),
    *("fe80::/10", "fec0::/10", "ff00::/8"),
]
# The nearest addresses on either side of those that lie amid public ones.
NEIGHBOURS = [
    *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255"),
    *("172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.31.195.255"),
    *("192.31.197.0", "192.52.192.255", "192.52.194.0", "192.88.98.255", "192.88.100.0"),
    *("192.167.255.255", "192.169.0.0", "192.175.47.255", "192.175.49.0", "198.17.255.255"),
    *("198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0"),
    *("223.255.255.255", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2001:ffff::"),
    *("2003::", "2620:4f:7fff::", "2620:4f:8001::", "3ffe:ffff::", "3fff:1000::"),
    *("2606:2800:21f::1", "2a00::1"),
]


class TestIsPublic:
    @pytest.mark.parametrize("network", SPECIAL)
    def test_is_false_from_end_to_end_of_what_has_a_special_purpose(self, network):
        found = ipaddress.ip_network(network)
        middle = found[found.num_addresses // 2]
        assert not any(is_public(str(address)) for address in (found[0], middle, found[-1]))

    @pytest.mark.parametrize("network", [each for each in SPECIAL if ":" not in each])
    @pytest.mark.parametrize("prefix", ["::ffff:", "64:ff9b::", "2002:", "::"])
    def test_is_false_for_ipv6_addresses_that_wrap_one(self, network, prefix):
        first = ipaddress.IPv4Network(network)[0]
        high, low = divmod(int(first), 2**16)
        wrapped = f"{prefix}{high:x}:{low:x}" + ("::" if prefix == "2002:" else "")
        assert not is_public(wrapped)

    @pytest.mark.parametrize(
        "address",
        ["100.100.100.200", "fe80::1%eth0", "fd00:ec2::254", "64:ff9b::7f00:1", "4000::", "1fff::"],
    )
    def test_is_false_for_what_is_not_on_the_internet(self, address):
        assert not is_public(address)

    @pytest.mark.parametrize(
        "address", [PUBLIC, "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", *NEIGHBOURS]
    )
    def test_is_true_for_what_is(self, address):
        assert is_public(address)


class TestResolve:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "localhost",
            "localhost.",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "0",
        ],
    )
    def test_refuses_this_machine_by_any_name(self, host):
        with pytest.raises(AddressRefusedError) as refusal:
            resolve(parse_target(f"https://{host}/"))
        assert str(refusal.value) == NO_WAY

    def test_refuses_a_name_with_one_private_address_among_others(self, names):
        names["example.org"] = [[PUBLIC, "10.0.0.1"]]
        with pytest.raises(AddressRefusedError, match=NO_WAY):
            resolve(parse_target("https://example.org/"))

    def test_allows_them_where_settings_say_so(self, settings):
        settings.WEBHOOK_ALLOW_PRIVATE = True
        assert resolve(parse_target("https://127.0.0.1/")) == ["127.0.0.1"]


class TestRefusal:
    """Whoever enters addresses learns nothing by them of the names and networks that we know."""

    @pytest.fixture(params=["unknown", "private", "mixed", "slow"])
    def url(self, request, names, monkeypatch):
        names["unknown.example.org"] = [[]]
        names["private.example.org"] = [["10.20.30.40"]]
        names["mixed.example.org"] = [[PUBLIC, "10.20.30.40"]]
        is_over = threading.Event()
        if request.param == "slow":
            monkeypatch.setattr(addresses, "LOOK_UP_SECONDS", 0.05)
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_o: is_over.wait(60) and [])
        yield f"https://{request.param}.example.org/"
        is_over.set()

    def test_is_one_and_the_same_whatever_is_behind_the_address(self, url):
        assert requests.post(url, {}, b"{}") == requests.Outcome(NO_WAY)

    def test_is_explained_in_the_log_alone(self, url, caplog):
        caplog.set_level(logging.INFO)
        requests.post(f"{url}secret-path", {}, b"{}")
        (line,) = caplog.records
        assert url.split("/")[2] == line.host
        assert "10.20.30.40" in line.addresses or line.reason in {
            "unknown name",
            "name lookup took too long",
        }
        assert "secret-path" not in str(vars(line))


class TestPost:
    def test_asks_once_and_connects_to_what_was_checked(self, names, settings, monkeypatch):
        """DNS rebinding: the second answer would be this machine's."""
        names["example.org"] = [[PUBLIC], ["127.0.0.1"]]
        reached = []

        def connect(address, timeout):
            reached.append(address)
            raise ConnectionRefusedError

        monkeypatch.setattr(socket, "create_connection", connect)
        assert requests.post("https://example.org/", {}, b"{}").error == requests.BROKEN
        assert reached == [(PUBLIC, 443)]

    def test_refuses_a_name_that_has_become_private_since(self, names, receiver, settings):
        settings.WEBHOOK_ALLOW_HTTP = True
        names["example.org"] = [[PUBLIC], ["127.0.0.1"]]
        url = f"http://example.org:{receiver.port}/"
        assert resolve(parse_target(url)) == [PUBLIC]  # at saving time
        assert requests.post(url, {}, b"{}").error == NO_WAY
        assert not receiver.asked

    def test_follows_no_redirect(self, receiver, settings):
        settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True

        def redirect(got, handler):
            handler.send_response(302)
            handler.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return 0

        receiver.behave = redirect
        outcome = requests.post(receiver.url, {}, b"{}")
        assert (outcome.status, outcome.error) == (302, requests.REDIRECTS)
        assert len(receiver.asked) == 1

    def test_tries_the_next_address_of_a_name(self, names, receiver, settings):
        settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True
        names["example.org"] = [["127.0.0.2", "127.0.0.1"]]
        outcome = requests.post(f"http://example.org:{receiver.port}/", {}, b"{}")
        assert outcome.status == 204
        assert receiver.taken[0].headers["host"] == f"example.org:{receiver.port}"

    @pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b""])
    def test_of_what_is_no_http_has_failed(self, receiver, settings, answer):
        settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True

        def speak(got, handler):
            handler.wfile.write(answer)
            handler.connection.shutdown(socket.SHUT_RDWR)
            return 0

        receiver.behave = speak
        assert requests.post(receiver.url, {}, b"{}").error == requests.BROKEN


class TestTls:
    @pytest.fixture
    def secure(self, tmp_path, settings, monkeypatch, names):
        """A receiver with a certificate for 127.0.0.1 and localhost, of an authority we trust."""
        settings.WEBHOOK_ALLOW_PRIVATE = True
        authority = Authority("Webchat tests")
        receiver = Receiver(issued=authority.issue(tmp_path, "127.0.0.1"))
        trusted = str(authority.write_certificate(tmp_path / "authority.pem"))
        context = functools.partial(ssl.create_default_context, cafile=trusted)
        monkeypatch.setattr(requests, "tls_context", context)
        yield receiver
        receiver.stop()

    def test_is_spoken_under_the_name_of_the_address(self, secure):
        outcome = requests.post(f"https://localhost:{secure.port}/hook", {"webhook-id": "1"}, b"{}")
        assert (outcome.status, outcome.error) == (204, "")
        assert secure.taken[0].headers["host"] == f"localhost:{secure.port}"

    def test_of_another_name_is_refused(self, secure, names):
        names["example.org"] = [["127.0.0.1"]]
        outcome = requests.post(f"https://example.org:{secure.port}/hook", {}, b"{}")
        assert outcome.error == requests.NO_TRUST
        assert not secure.asked

    def test_of_an_unknown_authority_is_refused(self, secure, monkeypatch):
        monkeypatch.setattr(requests, "tls_context", ssl.create_default_context)
        assert requests.post(secure.url, {}, b"{}").error == requests.NO_TRUST
        assert not secure.asked

    def test_with_who_speaks_none_has_failed(self, receiver, settings):
        settings.WEBHOOK_ALLOW_PRIVATE = True
        url = f"https://127.0.0.1:{receiver.port}/"
        assert requests.post(url, {}, b"{}").error == requests.BROKEN
