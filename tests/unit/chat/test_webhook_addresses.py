"""Whom a webhook may be sent to; and that a connection goes to the address that was checked."""

from __future__ import annotations

import functools
import socket
import ssl
import threading

import pytest

from chat.webhooks import addresses, requests
from chat.webhooks.addresses import (
    HAS_PASSWORD,
    NO_TLS,
    NO_URL,
    PRIVATE,
    UNKNOWN_NAME,
    WRONG_PORT,
    AddressRefusedError,
    is_public,
    parse_target,
    resolve,
)
from tests.certificates import Authority
from tests.receivers import Receiver

PUBLIC = "93.184.215.14"


@pytest.fixture
def names(monkeypatch):
    """What the resolver says from now on: `names["host"] = ["1.2.3.4", …]`, a list per question."""
    known: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def answer(host, port, *given, **options):
        if host not in known:
            return real(host, port, *given, **options)
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
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
        with pytest.raises(AddressRefusedError, match="in time"):
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


class TestIsPublic:
    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
            *("169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.8", "198.18.0.1"),
            *("192.0.2.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
            *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1"),
            *("ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::"),
            *("64:ff9b::7f00:1", "64:ff9b:1::1", "2001:db8::1", "2001:0:1:2:3:4:5:6", "100::1"),
        ],
    )
    def test_is_false_for_what_is_not_on_the_internet(self, address):
        assert not is_public(address)

    @pytest.mark.parametrize(
        "address",
        [PUBLIC, "8.8.8.8", "2606:2800:21f::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
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
        assert str(refusal.value) == PRIVATE
        assert "WEBHOOK_ALLOW_PRIVATE" in str(refusal.value)

    def test_refuses_a_name_with_one_private_address_among_others(self, names):
        names["example.org"] = [[PUBLIC, "10.0.0.1"]]
        with pytest.raises(AddressRefusedError, match="private"):
            resolve(parse_target("https://example.org/"))

    def test_refuses_a_name_that_nobody_knows(self):
        with pytest.raises(AddressRefusedError, match=UNKNOWN_NAME[:20]):
            resolve(parse_target("https://no-such-name.invalid/"))

    def test_allows_them_where_settings_say_so(self, settings):
        settings.WEBHOOK_ALLOW_PRIVATE = True
        assert resolve(parse_target("https://127.0.0.1/")) == ["127.0.0.1"]


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
        assert requests.post(url, {}, b"{}").error == PRIVATE
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
