"""A real server behind a proxy with TLS, and one without: cookies, addresses, schemes."""

from __future__ import annotations

import http.client
import re
import sqlite3
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.servers import Server

pytestmark = pytest.mark.embedded

PASSWORD = "sunny-road-71"
STRANGER = "203.0.113.7"


class Browser:
    """Keeps cookies, as a browser behind the proxy does."""

    def __init__(self, port: int, **forwarded: str) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        given = {"X-Forwarded-For": forwarded.get("address"), "X-Forwarded-Proto": "https"}
        self.forwarded = {name: value for name, value in given.items() if value}

    def ask(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        given |= {**self.forwarded, "Host": "localhost", "Origin": "https://localhost", **headers}
        if fields is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(fields) if fields is not None else None
        connection.request("GET" if fields is None else "POST", path, body, given)
        answer = connection.getresponse()
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        self._keep(answer.headers)
        connection.close()
        return answer

    def _keep(self, headers: Message) -> None:
        for line in headers.get_all("Set-Cookie") or []:
            self.set_cookies.append(line)
            name, _, value = line.split(";")[0].partition("=")
            self.cookies[name] = value

    def sign_up(self, name: str) -> Any:
        page = self.ask("/sign-up")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        fields = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        return self.ask("/sign-up", {**fields, "display_name": name})

    def token(self) -> str:
        """As js/api.js reads it: by the name that the page says."""
        page = self.ask("/")
        prefix = re.search(r'<html[^>]* data-cookies="([^"]*)"', page.text)
        assert prefix
        return self.cookies[f"{prefix[1]}csrftoken"]


@pytest.fixture(scope="module")
def database_url(tmp_path_factory, new_sqlite_url) -> str:
    url: str = new_sqlite_url(tmp_path_factory.mktemp("tls"))
    return url


@pytest.fixture(scope="module")
def safe(database_url):
    """Behind a proxy that is named."""
    https = {"ALLOWED_ORIGINS": "https://localhost", "TRUSTED_PROXIES": "127.0.0.1"}
    with Server(database_url, **https) as server:
        yield server


@pytest.fixture(scope="module")
def plain(database_url):
    """Without TLS and without a named proxy."""
    with Server(database_url, ALLOWED_ORIGINS="https://localhost,http://localhost") as server:
        yield server


def address_of(database_url: str, username: str) -> str:
    path = Path(database_url.removeprefix("sqlite:///"))
    with sqlite3.connect(path, timeout=30) as database:
        (found,) = database.execute(
            "SELECT address FROM chat_signin JOIN chat_user ON chat_user.id = user_id"
            " WHERE username = ?",
            [username],
        )
    database.close()
    return str(found[0])


class TestCookies:
    def test_over_tls_are_of_this_very_host_alone(self, safe):
        browser = Browser(safe.port)
        assert browser.sign_up("ann").status == 302
        fields = {"language": "ru", "csrfmiddlewaretoken": browser.token()}
        assert browser.ask("/i18n/language", fields).status == 302
        fields = {"display_name": "Ann", "language": "ru", "theme": "dark"}
        fields["csrfmiddlewaretoken"] = browser.token()
        assert browser.ask("/profile", fields).status == 302
        assert browser.cookies.keys() == {
            f"__Host-{name}"
            for name in ("sessionid", "csrftoken", "known", "django_language", "theme")
        }
        for line in browser.set_cookies:
            parts = {part.strip().lower() for part in line.split(";")}
            assert {"secure", "path=/"} <= parts, line
            assert not any(part.startswith("domain") for part in parts), line
            assert "samesite=lax" in parts, line
        hidden = [line for line in browser.set_cookies if "httponly" in line.lower()]
        assert {line.split("=")[0] for line in hidden} == {"__Host-sessionid", "__Host-known"}

    def test_of_the_plain_name_sign_nobody_in_over_tls(self, safe):
        """A neighbour under the same domain could set such a one."""
        browser = Browser(safe.port)
        browser.sign_up("eve")
        session = browser.cookies["__Host-sessionid"]
        browser.cookies = {"sessionid": session}
        assert browser.ask("/api/me").status == 401
        browser.cookies = {"__Host-sessionid": session}
        assert browser.ask("/api/me").status == 200

    def test_without_tls_have_plain_names(self, plain):
        browser = Browser(plain.port)
        browser.sign_up("bob")
        assert browser.cookies.keys() == {"sessionid", "csrftoken", "known"}
        assert not any("secure" in line.lower() for line in browser.set_cookies)

    @pytest.mark.parametrize("server", ["safe", "plain"])
    def test_carry_a_write_of_the_page(self, request, server):
        browser = Browser(request.getfixturevalue(server).port)
        browser.sign_up(f"dan-{server}")
        header = {"X-CSRFToken": browser.token(), "Content-Type": "application/json"}
        fields: dict[str, str] = {}
        assert browser.ask("/api/notifications/seen", fields, **header).status == 400
        header["X-CSRFToken"] = ""
        assert browser.ask("/api/notifications/seen", fields, **header).status == 403


class TestAddress:
    def test_is_the_clients_own_behind_a_named_proxy(self, safe):
        Browser(safe.port, address=f"1.1.1.1, {STRANGER}").sign_up("fay")
        assert address_of(safe.database_url, "fay") == STRANGER

    def test_is_the_peers_own_where_no_proxy_is_named(self, plain):
        Browser(plain.port, address=STRANGER).sign_up("gus")
        assert address_of(plain.database_url, "gus") == "127.0.0.1"

    def test_of_who_guesses_is_slowed_and_nobody_elses(self, safe):
        guesser = Browser(safe.port, address=STRANGER)
        fields = {"username": "nobody", "password": "guess"}
        statuses = []
        for _ in range(8):
            page = guesser.ask("/sign-in")
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
            assert token
            fields["csrfmiddlewaretoken"] = token[1]
            statuses.append(guesser.ask("/sign-in", fields).status)
        assert statuses[-1] == 429
        other = Browser(safe.port, address="203.0.113.8")
        other.cookies = dict(guesser.cookies)
        assert other.ask("/sign-in", fields).status == 200


class TestScheme:
    def test_is_the_clients_own_behind_a_named_proxy(self, safe):
        answer = Browser(safe.port).ask("/sign-in")
        assert "connect-src 'self' wss://localhost;" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"

    def test_is_not_what_a_stranger_claims(self, plain):
        answer = Browser(plain.port).ask("/sign-in")
        assert "connect-src 'self' ws://localhost;" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Strict-Transport-Security"] is None
