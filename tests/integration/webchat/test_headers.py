"""Every address, for everyone, however it ends: no answer lacks a header of the table.

A new route is walked without being named here.
"""

from __future__ import annotations

import re
import types
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import URLPattern, URLResolver, get_resolver, re_path
from django.urls.converters import IntConverter, UUIDConverter

from tests.support.people import browser_of, make_group, make_person, post_text

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

# What each answer has, whoever it is for; a page's own policy may be stricter.
TABLE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# What may be kept, and for whom; all else is `no-store`.
KEPT = {"/attachments/": "private", "/i18n/words.js": "private", "/static/": "public"}


def routes(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    """Each address once, with something that its converters take."""
    for one in resolver.url_patterns:
        route = before + str(one.pattern).lstrip("^/").removesuffix("$")
        if isinstance(one, URLResolver):
            yield from routes(one, route)
            continue
        assert isinstance(one, URLPattern)
        yield filled(route, one.pattern.converters)


def filled(route: str, converters: dict[str, Any]) -> str:
    def value(found: re.Match[str]) -> str:
        kind = type(converters[found[1]])
        return {IntConverter: "1", UUIDConverter: str(uuid.UUID(int=1))}.get(kind, "x")

    # Of Django's admin: (?P<app_label>auth|chat), and (?P<url>.*) for whatever is left.
    route = re.sub(r"\(\?P<\w+>(\w*)[^)]*\)", lambda found: found[1] or "x", route)
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", value, route).strip("/^$")


ROUTES = sorted(set(routes(get_resolver())))


def fail(request: HttpRequest, **arguments: Any) -> HttpResponse:
    raise ValueError("the secret reason")


FAILING = types.ModuleType("failing_urls")
FAILING.urlpatterns = [re_path("", fail)]  # type: ignore[attr-defined]


@pytest.fixture(params=["signed in", "signed out", "staff"])
def browser(request) -> Client:
    person = None
    if request.param != "signed out":
        person = make_person("ann")
        person.is_staff = person.is_superuser = request.param == "staff"
        person.save()
        chat = make_group(person)
        post_text(chat, person)
    return browser_of(person, raise_request_exception=False)


def faults_of(path: str, answer: Any) -> list[str]:
    """What is not as the table has it."""
    faults = [
        f"{name}: {answer.headers.get(name)}"
        for name, value in TABLE.items()
        if answer.headers.get(name) != value
    ]
    policy = answer.headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy:
        faults.append(f"Content-Security-Policy: {policy}")
    if not answer.headers.get("Permissions-Policy"):
        faults.append("Permissions-Policy")
    kept = next((who for start, who in KEPT.items() if path.startswith(start)), None)
    cache = answer.headers.get("Cache-Control", "")
    if "no-store" not in cache and not (kept and kept in cache and answer.status_code < 400):
        faults.append(f"Cache-Control: {cache}")
    return faults


class TestRoutes:
    def test_are_all_found(self):
        assert {"/api/me", "/hooks/x", "/join/x", "/livez", "/chats/1", "/admin"} <= set(ROUTES)
        assert len(ROUTES) > 80

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "BREW"])
    def test_answer_with_every_header(self, browser, method):
        found, statuses = {}, set()
        for path in ROUTES:
            answer = browser.generic(method, path)
            statuses.add(answer.status_code)
            if faults := faults_of(path, answer):
                found[path] = (answer.status_code, faults)
        assert not found
        wanted = {"GET": {200, 404}, "HEAD": {200, 404}, "BREW": {405}}
        assert wanted.get(method, set()) <= statuses

    def test_have_them_also_when_they_break(self, browser, settings):
        settings.ROOT_URLCONF = FAILING
        for path in ROUTES:
            answer = browser.get(path)
            assert answer.status_code == 500
            assert faults_of(path, answer) == [], path
            assert b"secret reason" not in answer.content

    @pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "/static/nothing.js", "/admin/x"])
    def test_that_are_none_have_them_too(self, browser, path):
        answer = browser.get(path)
        assert answer.status_code in {302, 404}
        assert faults_of(path, answer) == []

    def test_of_a_refused_host_have_them_too(self, browser):
        for path in ("/", "/api/me", "/hooks/x", "/livez"):
            answer = browser.get(path, headers={"host": "evil.example"})
            assert answer.status_code == 400
            assert faults_of(path, answer) == []
            assert "evil" not in answer["Content-Security-Policy"]


class TestStaticFiles:
    @pytest.fixture
    async def client(self, tmp_path, settings):
        settings.STATIC_ROOT = tmp_path
        settings.STORAGES = settings.STORAGES | {
            "staticfiles": {"BACKEND": "webchat.static.HashedStaticStorage"}
        }
        settings.SERVESTATIC_USE_FINDERS = settings.SERVESTATIC_AUTOREFRESH = False
        call_command("collectstatic", interactive=False, verbosity=0, skip_checks=True)
        place = settings.MIDDLEWARE.index("django.middleware.security.SecurityMiddleware") + 1
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE[:place],
            "servestatic.middleware.ServeStaticMiddleware",
            *settings.MIDDLEWARE[place:],
        ]
        return AsyncClient()

    async def test_have_them_too_and_are_kept_for_ever_by_their_hash(self, client, tmp_path):
        (hashed,) = (tmp_path / "chat").glob("webchat.????????????.css")
        answer = await client.get(f"/static/chat/{hashed.name}")
        assert answer.status_code == 200
        assert faults_of("/static/", answer) == []
        assert "immutable" in answer["Cache-Control"]
        assert "Access-Control-Allow-Origin" not in answer
        plain = await client.get("/static/chat/webchat.css")
        assert faults_of("/static/", plain) == []
        assert "immutable" not in plain["Cache-Control"]


class TestWords:
    def test_are_asked_for_again_and_not_sent_again(self):
        browser = browser_of(None)
        answer = browser.get("/i18n/words.js")
        assert answer["Cache-Control"] == "private, no-cache"
        again = browser.get("/i18n/words.js", headers={"if-none-match": answer["ETag"]})
        assert again.status_code == 304
        assert faults_of("/i18n/words.js", again) == []


class TestSafeTransport:
    def test_is_asked_for_where_all_origins_are_https(self, settings):
        settings.BEHIND_TLS, settings.SECURE_HSTS_SECONDS = True, 31_536_000
        # Also where no proxy is named that says that it was https.
        answer = browser_of(None).get("/sign-in")
        assert answer["Strict-Transport-Security"] == "max-age=31536000"
        assert "wss://testserver" in answer["Content-Security-Policy"]

    def test_is_not_asked_for_elsewhere(self):
        assert not settings.BEHIND_TLS
        assert "Strict-Transport-Security" not in browser_of(None).get("/sign-in")
