"""Only our own pages may open a socket; a refusal says in the log what to set."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from chat.live.origins import is_allowed, is_from_own_page
from chat.live.routing import websocket_application


def scope_of(*origins: str, host: str | None = "chat.example.org", more=()) -> dict:
    headers = [(b"origin", origin.encode()) for origin in origins]
    if host is not None:
        headers.append((b"host", host.encode()))
    return {"type": "websocket", "path": "/ws/", "headers": [*headers, *more]}


@pytest.fixture(autouse=True)
def hosts(settings):
    settings.ALLOWED_HOSTS = ["chat.example.org", ".example.net"]
    settings.ALLOWED_ORIGINS = []


class TestOwnAddress:
    """Without ALLOWED_ORIGINS a page may open a socket to where it came from."""

    @pytest.mark.parametrize(
        ("origin", "host"),
        [
            ("http://chat.example.org", "chat.example.org"),
            ("https://chat.example.org", "chat.example.org"),
            ("http://chat.example.org:8000", "chat.example.org:8000"),
            ("HTTP://Chat.Example.ORG", "chat.example.org"),
            ("https://a.example.net", "a.example.net"),
        ],
    )
    def test_is_allowed(self, origin, host):
        assert is_allowed(scope_of(origin, host=host))

    @pytest.mark.parametrize(
        "origin",
        [
            "http://evil.example",
            "null",
            "",
            "file://",
            "chat.example.org",
            "//chat.example.org",
            "ftp://chat.example.org",
            "http://chat.example.org.evil.example",
            "http://evil.example/chat.example.org",
            "http://chat.example.org@evil.example",
            "http://chat.example.org:8001",
            "http://chat.example.org:80000",
            "http://chat.example.org/",
            "http://chat.example.org\0",
            " http://chat.example.org",
        ],
    )
    def test_is_not_another_one(self, origin):
        assert not is_allowed(scope_of(origin))

    def test_must_be_named(self):
        assert not is_allowed(scope_of())

    def test_must_be_named_once(self):
        assert not is_allowed(scope_of("http://chat.example.org", "http://chat.example.org"))

    def test_needs_one_host(self):
        own = "http://chat.example.org"
        assert not is_allowed(scope_of(own, host=None))
        assert not is_allowed(scope_of(own, more=[(b"host", b"chat.example.org")]))

    def test_is_not_what_a_forged_host_says(self):
        assert not is_allowed(scope_of("http://evil.example", host="evil.example"))
        assert not is_allowed(
            scope_of("http://evil.example", more=[(b"x-forwarded-host", b"evil.example")])
        )

    def test_survives_bytes_that_are_no_text(self):
        scope = scope_of(host="chat.example.org")
        scope["headers"].append((b"origin", b"\xff\xfe\x00"))
        assert not is_allowed(scope)


class TestAllowedOrigins:
    """With ALLOWED_ORIGINS nothing else counts, not even the page's own address."""

    @pytest.fixture(autouse=True)
    def allowed(self, settings):
        settings.ALLOWED_ORIGINS = ["https://chat.example.org", "http://localhost:8000"]

    @pytest.mark.parametrize("origin", ["https://chat.example.org", "http://localhost:8000"])
    def test_are_allowed(self, origin):
        assert is_allowed(scope_of(origin))

    @pytest.mark.parametrize(
        "origin",
        [
            "http://chat.example.org",
            "https://chat.example.org:8443",
            "http://localhost:8001",
            "http://localhost",
            "https://localhost:8000",
            "null",
            "",
        ],
    )
    def test_are_full_origins(self, origin):
        assert not is_allowed(scope_of(origin))

    def test_are_not_widened_by_the_host(self):
        assert not is_allowed(scope_of("http://a.example.net", host="a.example.net"))

    def test_do_not_make_our_own_page_a_strangers(self):
        assert is_from_own_page(scope_of("http://a.example.net", host="a.example.net"))
        assert not is_from_own_page(scope_of("http://evil.example", host="a.example.net"))
        assert not is_from_own_page(scope_of("http://evil.example", host="evil.example"))


async def answer_to(origin: str) -> dict[str, Any]:
    """What the server says to a handshake where no socket is."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await websocket_application({**scope_of(origin), "path": "/nowhere/"}, receive, send)
    (answer,) = sent
    return answer


class TestWayIn:
    async def test_refuses_before_anything_else_and_says_what_to_set(self, caplog):
        with caplog.at_level(logging.WARNING, "chat"):
            answer = await answer_to("http://evil.example")
        assert answer == {"type": "websocket.close"}
        (record,) = caplog.records
        assert "ALLOWED_ORIGINS" in record.getMessage()
        assert record.origin == "http://evil.example"

    async def test_logs_no_endless_origin(self, caplog):
        with caplog.at_level(logging.WARNING, "chat"):
            await answer_to("x" * 60_000)
        assert len(caplog.records[0].origin) <= 200

    async def test_lets_our_own_pages_through(self, caplog):
        with caplog.at_level(logging.WARNING, "chat"):
            answer = await answer_to("http://chat.example.org")
        assert answer == {"type": "websocket.close"}
        assert not caplog.records
