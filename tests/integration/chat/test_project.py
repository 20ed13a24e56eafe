"""What the project itself answers: health, headers, refused hosts, settings that cannot work."""

from __future__ import annotations

from functools import partial

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from redis import Redis as RedisClient

from chat.live import runtime as runtime_module
from messaging.away import DatabaseAwayError
from messaging.operating.looks import Look
from messaging.outages import Outage
from tests.support.people import browser_of, make_person
from tests.support.processes import DEADLINE
from tests.support.services import Redis
from webchat import health
from webchat.environment import Environment

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def ready(client, query: str = "") -> tuple[int, dict]:
    answer = client.get(f"/readyz{query}")
    return answer.status_code, answer.json()


def refuse(execute, sql, params, many, context):
    raise DatabaseAwayError("The database is away: it does not answer")


@pytest.fixture
def parts(monkeypatch) -> dict[str, list[str]]:
    """What the looks find, instead of looking."""
    found: dict[str, list[str]] = {"database": [], "layer": [], "bus": []}
    looks = {name: Look(partial(list, problems), silence="") for name, problems in found.items()}
    monkeypatch.setattr(health, "PARTS", looks)
    return found


class TestHealth:
    def test_is_alive_whatever_else_is_not(self, client):
        with connection.execute_wrapper(refuse):
            answer = client.get("/livez")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")

    @pytest.mark.django_db(transaction=True)
    def test_is_ready_when_all_parts_are(self, client, monkeypatch):
        looks = {name: Look(look._look, silence="silent") for name, look in health.PARTS.items()}
        monkeypatch.setattr(health, "PARTS", looks)
        status, body = ready(client)
        assert (status, body) == (
            200,
            {
                "status": "ok",
                "process": "ok",
                "database": "ok",
                "layer": "ok",
                "bus": "ok",
                "warnings": [],
            },
        )

    @pytest.mark.parametrize("part", ["database", "layer", "bus"])
    def test_is_not_ready_while_a_part_is_not_unless_that_is_left_out(self, client, parts, part):
        parts[part].append("it is away")
        status, body = ready(client)
        assert (status, body["status"], body[part]) == (503, "unavailable", ["it is away"])
        status, body = ready(client, f"?exclude={part}")
        assert (status, part in body) == (200, False)

    def test_is_not_ready_while_it_shuts_down(self, client, parts, monkeypatch):
        class Draining:
            is_draining = True

        monkeypatch.setitem(runtime_module._runtimes, -1, Draining())
        status, body = ready(client)
        assert status == 503
        assert body["process"] == ["shutting down"]

    def test_that_is_bad_is_no_line_in_the_log_each_time(self, client, parts, caplog):
        parts["database"].append("it is away")
        assert ready(client)[0] == 503
        assert caplog.records == []

    @pytest.mark.parametrize("path", ["/livez", "/readyz"])
    def test_is_asked_by_get_only_and_never_kept(self, client, parts, path):
        assert client.post(path).status_code == 405
        assert "no-cache" in client.get(path)["Cache-Control"]

    @pytest.mark.parametrize("path", ["/livez", "/readyz"])
    @pytest.mark.parametrize("host", ["10.1.2.3", "127.0.0.1:8000", "[::1]", "[fe80::1]:8000"])
    def test_is_asked_by_address_whatever_hosts_are_allowed(
        self, client, parts, settings, path, host
    ):
        settings.ALLOWED_HOSTS = ["chat.example.org"]
        assert client.get(path, headers={"host": host}).status_code == 200
        assert client.post(path, headers={"host": host}).status_code == 405
        for other in ("/sign-in", f"{path}/", f"/x{path}", "/api/me"):
            assert client.get(other, headers={"host": host}).status_code == 400

    @pytest.mark.parametrize("path", ["/livez", "/readyz"])
    @pytest.mark.parametrize("host", ["evil.example", "10.1.2.3.evil.example", "[::1", "1.2.3.4:x"])
    def test_is_not_asked_by_the_name_of_another(self, client, parts, settings, path, host):
        settings.ALLOWED_HOSTS = ["chat.example.org"]
        assert client.get(path, headers={"host": host}).status_code == 400


class TestTheLookAtTheDatabase:
    def test_finds_nothing_wrong_with_this_one(self):
        assert health.database_problems() == []

    def test_finds_migrations_that_are_missing(self):
        MigrationRecorder.Migration.objects.filter(app="chat").delete()
        assert "manage.py migrate" in str(health.database_problems())

    def test_finds_one_that_is_away(self):
        with connection.execute_wrapper(refuse):
            assert health.database_problems() == ["The database is away: it does not answer"]

    def test_finds_what_others_have_met_lately(self, monkeypatch):
        full = Outage("The database", calm_seconds=5)
        monkeypatch.setattr(health, "DATABASE", full)
        full.failed("its disk is full (53100)")
        assert health.database_problems() == [
            "The database was away just now: its disk is full (53100)"
        ]

    @pytest.mark.postgresql
    def test_finds_one_that_only_reads_and_leaves_no_trace_in_one_that_writes(self):
        with connection.cursor() as cursor:
            assert health.database_problems() == []
            cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NULL")
            assert cursor.fetchone() == (True,)
            cursor.execute("SET LOCAL transaction_read_only = on")
        assert health.database_problems() == ["The database is away: it is read-only (25006)"]

    @pytest.mark.embedded
    def test_finds_nothing_wrong_while_somebody_else_writes(self, monkeypatch):
        make_person("ann")  # in a transaction that stays open
        look = Look(health.database_problems, silence="silent")
        assert look.answer_within(DEADLINE) == []

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.embedded
    def test_finds_a_sqlite_that_only_reads(self):
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = 1")
            found = health.database_problems()
            cursor.execute("PRAGMA query_only = 0")
        assert found == ["The database is away: it is read-only"]


class TestTheLookAtTheLayer:
    def test_finds_nothing_wrong_with_this_one(self):
        assert health.layer_problems() == []

    def test_finds_one_that_is_away(self, settings):
        url = "redis://:hunter2@127.0.0.1:1/0"
        settings.REDIS_URL = url
        settings.CHANNEL_LAYERS = {"default": Environment({}).channel_layer(url)}
        (found,) = health.layer_problems()
        assert "carries nothing" in found
        assert "hunter2" not in found

    def test_finds_a_redis_that_is_full(self, settings):
        with Redis() as redis, RedisClient.from_url(redis.url) as client:
            settings.REDIS_URL = redis.url
            settings.CHANNEL_LAYERS = {"default": Environment({}).channel_layer(redis.url)}
            assert health.layer_problems() == []
            client.config_set("maxmemory", 1)
            assert "carries nothing" in str(health.layer_problems())
            client.config_set("maxmemory", 0)
            assert health.layer_problems() == []


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
