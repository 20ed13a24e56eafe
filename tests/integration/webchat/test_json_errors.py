"""Whatever goes wrong below /api/ and /hooks/, a program gets JSON that it knows."""

from __future__ import annotations

import errno
import json
import types
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseServerError
from django.test import Client
from django.urls import re_path

from chat.errors import TooManyError
from chat.http.json import answer
from messaging.away import DatabaseAwayError
from tests.support.people import browser_of, make_person

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

PATHS = ["/api/me", "/api/nothing", "/api/", "/hooks/x", "/hooks/x/y", "/hooks/"]


def error_of(response: Any) -> tuple[int, str]:
    """Status and code, of an answer that is as the contract has it."""
    assert response["Content-Type"] == "application/json"
    assert int(response["Content-Length"]) == len(response.content)
    error = response.json()["error"]
    assert response.json().keys() == {"error"}
    assert error["detail"]
    assert b"Traceback" not in response.content
    return response.status_code, error["code"]


def raising(error: Exception) -> types.ModuleType:
    """Addresses of which each fails so."""

    def fail(request: HttpRequest) -> HttpResponse:
        raise error

    urls = types.ModuleType("failing_urls")
    urls.handler500 = "chat.http.json.failed"  # type: ignore[attr-defined]
    urls.urlpatterns = [re_path("", fail)]  # type: ignore[attr-defined]
    return urls


class TestErrors:
    @pytest.mark.parametrize("path", PATHS[1:])
    def test_of_an_address_that_is_none(self, path):
        client = browser_of(make_person("ann"))
        method = client.post if path == "/hooks/x" else client.get
        assert error_of(method(path)) == (404, "not_found")

    @pytest.mark.parametrize(
        ("path", "allowed"), [("/api/me", "GET, HEAD"), ("/api/chats", "GET, HEAD, POST")]
    )
    def test_of_a_method_say_which_there_are(self, path, allowed):
        response = browser_of(make_person("ann")).put(path)
        assert error_of(response) == (405, "method_not_allowed")
        assert sorted(response["Allow"].split(", ")) == sorted([*allowed.split(", "), "OPTIONS"])

    def test_of_a_hooks_method_too(self):
        response = Client().get("/hooks/x")
        assert error_of(response) == (405, "method_not_allowed")
        assert response["Allow"] == "POST, OPTIONS"

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("host", ["evil.example", "a b", "[", "@"])
    def test_of_a_host_that_is_not_ours(self, path, host):
        response = Client().get(path, headers={"host": host})
        assert error_of(response) == (400, "bad_request")

    def test_of_a_write_without_the_token(self):
        client = browser_of(make_person("ann"), enforce_csrf_checks=True)
        for path in ("/api/chats", "/api/nothing"):
            assert error_of(client.post(path, {}))[0] in {403, 404}
        assert error_of(client.post("/api/chats", {})) == (403, "forbidden")

    def test_of_a_body_that_is_too_large(self):
        client = browser_of(make_person("ann"))
        body = "x" * 2_000_000
        for path in ("/api/chats", "/hooks/x"):
            response = client.post(path, body, content_type="application/json")
            assert error_of(response) in {(413, "frame_too_large"), (404, "not_found")}

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (ValueError("the secret reason"), (500, "error")),
            (Http404("the secret reason"), (404, "not_found")),
            (PermissionDenied("the secret reason"), (403, "forbidden")),
            (SuspiciousOperation("the secret reason"), (400, "bad_request")),
            (RequestDataTooBig("the secret reason"), (400, "bad_request")),
            (DatabaseAwayError("the secret reason"), (503, "unavailable")),
            (OperationalError("the secret reason"), (500, "error")),
            (OSError(errno.ENOSPC, "the secret reason"), (503, "unavailable")),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_that_nobody_foresaw_say_nothing_of_their_reason(self, settings, path, error, expected):
        settings.ROOT_URLCONF = raising(error)
        client = Client(raise_request_exception=False)
        response = client.get(path)
        assert error_of(response) == expected
        assert b"secret reason" not in response.content

    def test_of_a_database_that_is_away_and_of_too_much_say_when_to_come_back(self, settings, rf):
        def away() -> None:
            raise DatabaseAwayError("away")

        def too_much() -> None:
            raise TooManyError(retry_after=3)

        for call, expected in ((away, (503, "unavailable")), (too_much, (429, "too_many"))):
            response = answer(rf.get("/api/me"), call)
            assert response.status_code == expected[0]
            assert json.loads(response.content)["error"]["code"] == expected[1]
            assert int(response["Retry-After"]) > 0

    def test_are_in_the_persons_language(self):
        response = Client().get("/api/nothing", headers={"accept-language": "ru"})
        assert "Здесь ничего нет" in response.json()["error"]["detail"]
        assert response["Content-Language"] == "ru"

    def test_keep_what_an_answer_says_besides(self, settings):
        def busy(request: HttpRequest) -> HttpResponse:
            return HttpResponseServerError("<html>", headers={"Retry-After": "7"})

        urls = types.ModuleType("busy_urls")
        urls.urlpatterns = [re_path("", busy)]  # type: ignore[attr-defined]
        settings.ROOT_URLCONF = urls
        assert Client().get("/api/me")["Retry-After"] == "7"


class TestPages:
    @pytest.mark.parametrize("path", ["/nothing", "/chats/x", "/apiary", "/hookshot"])
    def test_stay_pages(self, path):
        response = Client().get(path)
        assert response.status_code == 404
        assert response["Content-Type"].startswith("text/html")

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (DatabaseAwayError("the secret reason"), "cannot save just now"),
            (OSError(errno.ENOSPC, "the secret reason"), "no room for files"),
        ],
        ids=["the database is away", "the disk is full"],
    )
    def test_say_when_to_come_back_where_something_is_away(self, settings, caplog, error, words):
        settings.ROOT_URLCONF = raising(error)
        response = Client(raise_request_exception=False).get("/nothing")
        assert response.status_code == 503
        assert response["Content-Type"].startswith("text/html")
        assert int(response["Retry-After"]) > 0
        assert words in response.content.decode()
        assert b"secret reason" not in response.content
        assert [record for record in caplog.records if record.levelname == "ERROR"] == []


class TestHead:
    def test_is_get_without_a_body(self):
        client = browser_of(make_person("ann"))
        got, headed = client.get("/api/me"), client.head("/api/me")
        assert headed.status_code == got.status_code == 200
        assert headed["Content-Type"] == got["Content-Type"]
        assert headed.content == b""

    def test_is_asked_to_sign_in_like_get(self):
        assert Client().head("/api/me").status_code == 401


class TestOptions:
    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("/api/chats", {"GET", "HEAD", "POST", "OPTIONS"}),
            ("/api/chats/1/attachments", {"POST", "OPTIONS"}),
            ("/hooks/x", {"POST", "OPTIONS"}),
        ],
    )
    def test_say_what_there_is(self, path, allowed):
        response = Client().options(path)
        assert (response.status_code, response.content) == (204, b"")
        assert set(response["Allow"].split(", ")) == allowed
