"""What the project itself answers: health, headers, refused hosts, settings that cannot work."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from chat.live import runtime as runtime_module
from tests.support.people import browser_of, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def ready(client, query: str = "?exclude=bus") -> tuple[int, dict]:
    answer = client.get(f"/readyz{query}")
    return answer.status_code, answer.json()


class TestHealth:
    def test_is_alive_whatever_else_is_not(self, client):
        def refuse(execute, sql, params, many, context):
            raise OperationalError("away")

        with connection.execute_wrapper(refuse):
            answer = client.get("/livez")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")

    def test_is_ready_when_all_parts_are(self, client):
        status, body = ready(client)
        assert (status, body["status"], body["database"], body["layer"]) == (200, "ok", "ok", "ok")

    def test_is_not_ready_before_migrations(self, client):
        MigrationRecorder.Migration.objects.filter(app="chat").delete()
        status, body = ready(client)
        assert status == 503
        assert "manage.py migrate" in str(body["database"])

    def test_is_not_ready_without_the_database(self, client):
        def refuse(execute, sql, params, many, context):
            raise OperationalError("password authentication failed for user secret")

        with connection.execute_wrapper(refuse):
            status, body = ready(client)
        assert status == 503
        assert "OperationalError" in str(body["database"])
        assert "secret" not in str(body)

    def test_is_not_ready_without_redis_unless_that_is_left_out(self, client, settings):
        from webchat.environment import Environment

        url = "redis://:hunter2@127.0.0.1:1/0"
        settings.REDIS_URL = url
        settings.CHANNEL_LAYERS = {"default": Environment({}).channel_layer(url)}
        status, body = ready(client)
        assert status == 503
        assert "does not answer" in str(body["layer"])
        assert "hunter2" not in str(body)
        status, body = ready(client, "?exclude=bus&exclude=layer")
        assert status == 200
        assert "layer" not in body

    def test_is_not_ready_while_it_shuts_down(self, client, monkeypatch):
        class Draining:
            is_draining = True

        monkeypatch.setitem(runtime_module._runtimes, -1, Draining())
        status, body = ready(client)
        assert status == 503
        assert body["process"] == ["shutting down"]

    @pytest.mark.parametrize("path", ["/livez", "/readyz"])
    def test_is_asked_by_get_only_and_never_kept(self, client, path):
        assert client.post(path).status_code == 405
        assert "no-cache" in client.get(path)["Cache-Control"]


@pytest.mark.embedded
class TestHeaders:
    PATHS = ("/sign-in", "/sign-up", "/livez", "/nothing", "/api/me", "/admin/login/")

    @pytest.mark.parametrize("path", PATHS)
    def test_let_a_page_run_and_load_only_what_is_ours(self, client, path):
        answer = client.get(path)
        policy = dict(
            directive.split(" ", 1) for directive in answer["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["connect-src"] == "'self' ws://testserver"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"

    def test_name_the_safe_socket_on_a_safe_page(self, client):
        policy = client.get("/sign-in", secure=True)["Content-Security-Policy"]
        assert "connect-src 'self' wss://testserver;" in policy

    def test_are_on_a_refused_write_too(self):
        strict = Client(enforce_csrf_checks=True)
        answer = strict.post("/sign-in", {"username": "ann", "password": "x"})
        assert answer.status_code == 403
        assert "default-src 'none'" in answer["Content-Security-Policy"]

    def test_hide_cookies_from_scripts(self, client):
        ann = make_person("ann")
        ann.set_password("correct horse")
        ann.save()
        client.post("/sign-in", {"username": ann.username, "password": "correct horse"})
        assert client.cookies[settings.SESSION_COOKIE_NAME]["httponly"]
        assert client.cookies[settings.SESSION_COOKIE_NAME]["samesite"] == "Lax"


@pytest.mark.embedded
class TestHost:
    @pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "a b", "[", ""])
    def test_that_is_forged_is_refused(self, client, host):
        answer = client.get("/sign-in", headers={"host": host or "@"})
        assert answer.status_code == 400
        assert b"Traceback" not in answer.content

    def test_is_not_taken_from_a_forwarded_header(self, client):
        answer = client.get("/sign-in", headers={"x-forwarded-host": "evil.example"})
        assert b"evil.example" not in answer.content
        assert "evil.example" not in answer["Content-Security-Policy"]


@pytest.mark.embedded
class TestSignOut:
    def test_is_not_done_by_a_link(self):
        browser = browser_of(make_person("ann"))
        assert browser.get("/sign-out").status_code == 405
        assert browser.get("/api/me").status_code == 200

    def test_needs_the_token(self):
        browser = browser_of(make_person("ann"), enforce_csrf_checks=True)
        assert browser.post("/sign-out").status_code == 403
        assert browser.get("/api/me").status_code == 200


@pytest.mark.embedded
class TestChecks:
    def found(self) -> list[str | None]:
        return [message.id for message in run_checks(tags=["chat"])]

    def test_ask_for_the_proxy_that_ends_tls(self, settings):
        def found() -> list[str | None]:
            checked = run_checks(tags=["chat"], include_deployment_checks=True)
            return [message.id for message in checked]

        settings.BEHIND_TLS, settings.TRUSTED_PROXIES = True, ()
        assert "chat.W003" in found()
        settings.TRUSTED_PROXIES = ("unix",)
        assert "chat.W003" not in found()

    def test_refuse_kafka_without_a_shared_layer(self, settings):
        settings.MESSAGE_BUS, settings.REDIS_URL = "kafka", ""
        assert "chat.E001" in self.found()
        (error,) = [m for m in run_checks(tags=["chat"]) if m.id == "chat.E001"]
        assert "REDIS_URL" in (error.hint or "")

    def test_find_nothing_wrong_with_the_stack_of_the_tests(self):
        assert self.found() == []
