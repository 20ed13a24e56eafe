"""No secret comes into a log, however it is spelled and by whichever way."""

from __future__ import annotations

import json
import logging
import sys
import time

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from webchat import redaction
from webchat.environment import Environment
from webchat.log import JsonFormatter, TextFormatter
from webchat.redaction import never_log, redacted, redacted_path
from webchat.secret_paths import SECRET_PREFIXES, hidden_path, without_tokens

TOKEN = "Tk-3n_secret"
PATHS = [
    f"/hooks/{TOKEN}",
    f"/join/{TOKEN}",
    f"/join/{TOKEN}/",
    f"/hooks/x/{TOKEN}",
    f"/hooks/{TOKEN}?x=1",
    f"//join/{TOKEN}",
    f"/join//{TOKEN}",
    f"/HOOKS/{TOKEN}",
    f"/%68ooks/{TOKEN}",
    f"/%2568ooks/{TOKEN}",
    f"/hooks%2F{TOKEN}",
    f"/hooks/%61{TOKEN}",
    f"/hooks/{TOKEN}%00",
    f"/hooks\\{TOKEN}",
    f"/./join/{TOKEN}",
    f"/a/../join/{TOKEN}",
    f"http://chat.example/join/{TOKEN}",
    f"/sign-in?next=/join/{TOKEN}",
    f"/sign-in?next=%2Fjoin%2F{TOKEN}",
    f"/sign-in?next=%252Fjoin%252F{TOKEN}",
]
WITH_SPACES = [f"/hooks/ {TOKEN}", f"/join/a {TOKEN} b", f"/join/a\n{TOKEN}", f"/hooks/'{TOKEN}'"]


def patterns_with_tokens(resolver: URLResolver, before: str = ""):
    """Each route with a token, as far as the token."""
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns_with_tokens(one, route)
        elif "token" in one.pattern.converters:
            assert isinstance(one, URLPattern)
            yield route.partition("<")[0].strip("/")


class TestRoutes:
    def test_with_a_token_are_all_known_to_be_secret(self):
        found = set(patterns_with_tokens(get_resolver()))
        assert found
        assert found == set(SECRET_PREFIXES)


class TestPaths:
    @pytest.mark.parametrize("path", PATHS, ids=ascii)
    def test_in_a_text_end_before_their_token(self, path):
        assert TOKEN not in without_tokens(f'"POST {path} HTTP/1.1" 404 from 1.2.3.4')

    @pytest.mark.parametrize("path", [f"/hooks/ {TOKEN}", f"/join/a {TOKEN}"])
    def test_in_a_line_that_is_no_request_end_there_too(self, path):
        assert TOKEN not in without_tokens(f"Bad request syntax ('GET {path} HTTP/1.1')")

    @pytest.mark.parametrize("path", PATHS + WITH_SPACES, ids=ascii)
    def test_alone_end_before_their_token(self, path):
        assert TOKEN not in hidden_path(path)

    @pytest.mark.parametrize("path", PATHS + WITH_SPACES, ids=ascii)
    def test_of_requests_show_neither_token_nor_query(self, path):
        assert TOKEN not in redacted_path(path)

    def test_of_requests_show_no_words_that_are_searched_for(self):
        assert redacted_path("/api/search?q=garden+party") == "/api/search?…"

    @pytest.mark.parametrize(
        "text",
        [
            "/api/chats/5/webhooks/incoming",
            "chat/http/pages/hooks.py, line 5",
            "a disjoint/set",
            "they join the chat",
            "/profile/sign-ins/7/end",
        ],
    )
    def test_that_hold_no_token_stay(self, text):
        assert redacted(text) == text

    @pytest.mark.parametrize(
        "part", ["/hooks/", "/hooks/ ", "%", "a", "?a=", "://", "password", "' "]
    )
    def test_of_any_length_are_looked_at_in_no_time(self, part):
        text = part * (100_000 // len(part))
        begun = time.process_time()
        redacted(text)
        redacted_path(text)
        assert time.process_time() - begun < 2


class TestSecrets:
    @pytest.mark.parametrize(
        "text",
        [
            "postgres://webchat:hunter2hunter2@db:5432/webchat",
            "/http:/ann:hunter2hunter2@localhost/x",
            "rediss://:hunter2hunter2@10.0.0.1/0 does not answer",
            "Authorization: Bearer hunter2hunter2",
            "{'Authorization': 'Basic hunter2hunter2'}",
            "[(b'cookie', b'sessionid=hunter2hunter2; theme=dark')]",
            "[(b'authorization', b'hunter2hunter2')]",
            "{'HTTP_COOKIE': 'a=hunter2hunter2'}",
            "Cookie: __Host-sessionid=hunter2hunter2; __Host-known=x",
            "Set-Cookie: csrftoken=hunter2hunter2; Path=/",
            "webhook-signature: v1,hunter2hunter2 v1,other",
            "X-CSRFToken: hunter2hunter2",
            "csrfmiddlewaretoken=hunter2hunter2&username=ann",
            "sasl_plain_password='hunter2hunter2'",
            '{"password": "hunter2hunter2", "username": "ann"}',
            "connection failed: host=db password=hunter2hunter2 user=webchat",
            "/api/search?q=hunter2hunter2",
            "session_key=hunter2hunter2",
            'refused\nDETAIL:  Failing row contains (7, "hunter2hunter2\n(hunter2)", null).',
        ],
        ids=lambda text: text[:24],
    )
    def test_do_not_stand_in_a_text(self, text):
        assert "hunter2" not in redacted(text)

    def test_of_this_process_stand_nowhere(self, monkeypatch):
        monkeypatch.setattr(redaction, "_ours", None)
        env = Environment(
            {
                "SECRET_KEY": "k" * 40,
                "DATABASE_URL": "postgres://webchat:p%40ssw%2Frd-9@db/webchat",
                "REDIS_URL": "redis://:redis-pass@cache:6379/0",
                "KAFKA_SASL_PASSWORD": "kafka-pass",
                "KAFKA_SSL_PASSWORD": "key-file-pass",
            }
        )
        never_log(*env.passwords())
        for secret in ("k" * 40, "p@ssw/rd-9", "p%40ssw%2Frd-9", "redis-pass", "kafka-pass"):
            assert secret not in redacted(f"the driver says [{secret}] is wrong"), secret
        assert redacted("webchat.asgi: key-file-pass") == "webchat.asgi: …"

    def test_leave_what_happened_to_be_read(self):
        refused = (
            'new row violates check constraint "seq"\nDETAIL:  Failing row contains (7, x).\n'
            "CONTEXT:  COPY messages\n\nThe above exception was the direct cause"
        )
        shown = redacted(refused)
        assert 'violates check constraint "seq"' in shown
        assert "CONTEXT:  COPY messages\n\nThe above exception" in shown
        assert "Failing" not in shown
        said = "password authentication failed for user webchat"
        assert redacted(said) == said


@pytest.fixture(params=["text", "json"])
def formatter(request):
    return TextFormatter("%(message)s") if request.param == "text" else JsonFormatter()


def formatted(formatter: logging.Formatter, message: str, *arguments: object, **extra: object):
    logger = logging.getLogger("chat.test")
    record = logger.makeRecord("", logging.INFO, "", 1, message, arguments, None, extra=extra)
    return formatter.format(record)


class TestFormatters:
    @pytest.mark.parametrize("path", PATHS + WITH_SPACES, ids=ascii)
    def test_hide_tokens_of_paths_in_arguments_and_fields(self, formatter, path):
        if path.startswith("/"):
            assert TOKEN not in formatted(formatter, "%s: %s", "Not Found", path, path=path)
            assert TOKEN not in formatted(formatter, "%(path)s", {"path": path})

    def test_hide_fields_by_their_names_at_any_depth(self, formatter):
        shown = formatted(
            formatter, "x", token=TOKEN, headers={"Cookie": TOKEN, "a": [{"password": TOKEN}]}
        )
        assert TOKEN not in shown

    def test_hide_secrets_of_a_traceback(self, formatter):
        record = logging.makeLogRecord({"msg": "it failed", "levelname": "ERROR"})
        try:
            raise ValueError(f"cannot use redis://:{TOKEN}@cache/0 for /join/{TOKEN}")
        except ValueError:
            record.exc_info = sys.exc_info()
        shown = formatter.format(record)
        # The line of the source that made it is shown too, without what is put in.
        assert TOKEN not in shown
        assert "ValueError: cannot use redis://…@cache/0 for /join/…" in shown

    def test_keep_numbers_and_ids(self):
        line = json.loads(
            formatted(JsonFormatter(), "drained", sockets=3, chat_ids=[1, 2], ok=True)
        )
        assert (line["sockets"], line["chat_ids"], line["ok"]) == (3, [1, 2], True)
