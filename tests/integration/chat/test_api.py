"""Every HTTP route against everyone who may not use it, and everything that is no good input.

A new route without a case here fails `test_every_route_has_a_case`.
"""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.utils import timezone

from chat.http.api import urlpatterns
from chat.limits.table import TABLE, Limit
from chat.models import Attachment, IncomingWebhook, Invitation, Membership, Message, Webhook
from chat.services.chats.invites import create_invite
from chat.webhooks.signing import make_secret
from tests.support.people import (
    ban,
    browser_of,
    everything_stored,
    make_group,
    make_person,
    make_public,
    post,
    post_text,
    remove,
)

pytestmark = pytest.mark.django_db

NO_TEXT = [None, 5, True, ["a"], {"a": 1}]
NO_ID: list[Any] = [None, 0, -1, True, 1.5, "1", "x", [1], {}, 2**63, 10**30]
NO_SEQ = [-1, True, 1.5, "1", [1], 2**63]
BAD_TEXT = ["", "\u200b", "a\0b", "x" * 4001]


@dataclass(frozen=True)
class Case:
    """How a member uses a route rightly, and what each of its fields must not be."""

    method: str
    pattern: str
    body: dict[str, Any] | None = None
    wrong: dict[str, list[Any]] = field(default_factory=dict)
    wrong_query: dict[str, list[str]] = field(default_factory=dict)
    # By whom it is used rightly: the chat's owner or its other member.
    by: str = "ann"
    status: int = 200

    def __str__(self) -> str:
        return f"{self.method} {self.pattern}"

    # A form with one file, instead of JSON.
    is_form: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def joins(self) -> bool:
        """What a stranger may do, in a public chat."""
        return self.pattern.endswith("/join")


WEBHOOKS = "chats/{chat}/webhooks"
WEBHOOK, INCOMING = f"{WEBHOOKS}/{{webhook}}", f"{WEBHOOKS}/incoming"
CHAT, MEMBER, MESSAGE = "chats/{chat}", "chats/{chat}/members/{member}", "messages/{message}"
INVITES, INVITATION = f"{CHAT}/invites", "invitations/{invitation}"
NUMBERS = ["-1", "x", "1.5", "9" * 25, "true"]
CASES = [
    Case("GET", "me"),
    Case("GET", "people", wrong_query={"q": ["a%00b"]}),
    Case("GET", "chats"),
    Case(
        "POST",
        "chats",
        {"kind": "group", "title": "New"},
        wrong={"kind": [*NO_TEXT, "direct", "x"], "title": [*NO_TEXT, "", "a\0b", "x" * 81]},
        status=201,
    ),
    Case("POST", "chats/direct", {"user_id": "{dan}"}, wrong={"user_id": NO_ID}),
    Case("GET", "chats/public", wrong_query={"q": ["a%00b"], "page": NUMBERS}),
    Case("GET", CHAT),
    Case("PATCH", CHAT, {"title": "Renamed"}, wrong={"title": [*NO_TEXT, "", "\0", "x" * 81]}),
    Case("POST", f"{CHAT}/join", by="eve", status=200),
    Case("POST", f"{CHAT}/leave", by="bob", status=204),
    Case("GET", f"{CHAT}/members", wrong_query={"q": ["a%00b"], "page": NUMBERS}),
    Case("POST", f"{CHAT}/members", {"user_id": "{dan}"}, wrong={"user_id": NO_ID}),
    Case("PATCH", MEMBER, {"role": "admin"}, wrong={"role": [*NO_TEXT, "king", ""]}),
    Case("DELETE", MEMBER, status=204),
    Case("GET", f"{CHAT}/removed", wrong_query={"page": NUMBERS}),
    Case("DELETE", f"{CHAT}/removed/{{member}}", status=204),
    Case("GET", f"{CHAT}/messages", wrong_query={"before_seq": NUMBERS, "around_seq": NUMBERS}),
    Case(
        "POST",
        f"{CHAT}/messages",
        {"client_message_id": str(uuid.uuid4()), "content": "Hello"},
        wrong={
            "client_message_id": [*NO_TEXT, "", "x", "0" * 33],
            "content": [*NO_TEXT, *BAD_TEXT],
            "reply_to": [value for value in [*NO_ID, 10**12] if value is not None],
        },
        by="bob",
    ),
    Case("POST", f"{CHAT}/attachments", is_form=True, by="bob", status=201),
    Case("DELETE", "attachments/{attachment}", by="bob", status=204),
    Case("GET", f"{CHAT}/changes?after=0", wrong_query={"after": ["", *NUMBERS]}),
    Case(
        "POST",
        f"{CHAT}/receipts",
        {"delivered_seq": 1, "read_seq": 1},
        wrong={"delivered_seq": NO_SEQ, "read_seq": NO_SEQ},
        by="bob",
        status=204,
    ),
    Case(
        "PUT",
        f"{CHAT}/notify",
        {"level": "mentions", "mute_minutes": 60},
        wrong={"level": [*NO_TEXT, "", "x"], "mute_minutes": [*NO_SEQ, 0, 60 * 24 * 365 * 101]},
        by="bob",
    ),
    Case("GET", "notifications", wrong_query={"before": ["0", *NUMBERS]}),
    Case(
        "POST",
        "notifications/seen",
        {"ids": [1]},
        wrong={"ids": [None, 1, "1", {}, [0], [True], ["1"], [1.5], [2**63], [1] * 101]},
        status=204,
    ),
    Case(
        "PATCH", MESSAGE, {"content": "Edited"}, wrong={"content": [*NO_TEXT, *BAD_TEXT]}, by="bob"
    ),
    Case("DELETE", MESSAGE),
    Case(
        "PUT",
        f"{MESSAGE}/reactions",
        {"emoji": "👍", "on": True},
        wrong={"emoji": [*NO_TEXT, "", "ok", "\0", "👍" * 17], "on": [None, 1, 0, "true", []]},
    ),
    Case("GET", f"{MESSAGE}/edits"),
    Case("GET", "search?q=garden"),
    Case("GET", INVITES),
    Case(
        "POST",
        INVITES,
        {"seconds": 3600, "most_uses": 1},
        wrong={"seconds": [*NO_SEQ, 59, 10**9], "most_uses": [*NO_SEQ, 0, 10**6]},
        status=201,
    ),
    Case("DELETE", f"{INVITES}/{{invite}}", status=204),
    Case("POST", f"{INVITATION}/accept", by="gone"),
    Case("POST", f"{INVITATION}/decline", by="gone", status=204),
    Case("GET", f"{MESSAGE}/receipts", wrong_query={"page": NUMBERS}, by="bob"),
]
HOOK_IDS = ("webhook", "delivery", "incoming")
NO_URL = [*NO_TEXT, "", "x", "ftp://93.184.215.14/", "http://93.184.215.14/", "https://127.0.0.1/"]
NO_NAME = [*NO_TEXT, "", "a\0b", "x" * 81]
CASES += [
    Case("GET", WEBHOOKS),
    Case(
        "POST",
        WEBHOOKS,
        {"name": "Builds", "url": "https://93.184.215.14/hook"},
        wrong={"name": NO_NAME, "url": NO_URL},
        status=201,
    ),
    Case("PATCH", WEBHOOK, {"is_active": False}, wrong={"is_active": [None, 0, "true", []]}),
    Case("DELETE", WEBHOOK, status=204),
    Case("POST", f"{WEBHOOK}/secret"),
    Case("POST", f"{WEBHOOK}/take-over"),
    Case("POST", f"{WEBHOOK}/test"),
    Case("GET", f"{WEBHOOK}/deliveries", wrong_query={"before": [*NUMBERS, "0"]}),
    Case("POST", f"{WEBHOOK}/deliveries/{{delivery}}/again"),
    Case("GET", INCOMING),
    Case("POST", INCOMING, {"name": "Builds"}, wrong={"name": NO_NAME}, status=201),
    Case("DELETE", f"{INCOMING}/{{incoming}}", status=204),
    Case("POST", f"{INCOMING}/{{incoming}}/take-over"),
]
BLOCK = "blocks/{member}"
CASES += [
    Case("GET", f"{CHAT}/mentionable?q=b", wrong_query={"q": ["a%00b"]}),
    Case("GET", f"{CHAT}/named?names=bob", wrong_query={"names": ["a%00b", "a+" * 51]}),
    Case("GET", "blocks", wrong_query={"page": NUMBERS}),
    Case("PUT", BLOCK, status=204),
    Case("DELETE", BLOCK, status=204),
    Case(
        "POST",
        "reports",
        {"kind": "person", "id": "{dan}", "reason": "spam", "text": "Look at this"},
        wrong={
            "kind": [*NO_TEXT, "", "webhook"],
            "id": NO_ID,
            "reason": [*NO_TEXT, "", "dull"],
            "text": [5, True, ["a"], {"a": 1}, "a\0b", "x" * 1001],
        },
        status=201,
    ),
]
SOMEBODYS = ("{chat}", "{message}", "{invitation}")
OF_A_CHAT = [case for case in CASES if any(each in case.pattern for each in SOMEBODYS)]
WRITES = [case for case in CASES if case.writes and not case.is_form]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_case_of_a_chat = pytest.mark.parametrize("case", OF_A_CHAT, ids=str)
every_write = pytest.mark.parametrize("case", WRITES, ids=str)


class World:
    """Ann's group with bob and a message of his; eve is in no chat, dan in none either;
    gone has left it and is asked back."""

    def __init__(self) -> None:
        self.ann, self.bob = make_person("ann"), make_person("bob")
        self.eve, self.dan = make_person("eve"), make_person("dan")
        self.chat = make_group(self.ann, self.bob)
        self.message = post_text(self.chat, self.bob, "the secret words")
        self.invite = create_invite(actor=self.ann, chat_id=self.chat.pk)
        self.webhook = Webhook.objects.create(
            name="A hook",
            chat=self.chat,
            url="https://127.0.0.1/",
            secret=make_secret(),
            created_by=self.ann,
            owner=self.ann,
        )
        self.delivery = self.webhook.deliveries.create(
            event_id=uuid.uuid4(), event_type="message.created", chat_id=self.chat.pk, body="{}"
        )
        self.incoming = IncomingWebhook.objects.create(
            name="Builds", chat=self.chat, bot=self.dan, created_by=self.ann, owner=self.ann
        )
        self.gone = make_person("gone")
        Membership.objects.create(chat=self.chat, user=self.gone, left_at=timezone.now())
        self.invitation = Invitation.objects.create(
            chat=self.chat,
            user=self.gone,
            created_by=self.ann,
            expires_at=timezone.now() + timedelta(days=1),
        )
        self.attachment = Attachment.objects.create(
            chat=self.chat, uploader=self.bob, kind="file", file="gone", name="a", size=1
        )
        self.browsers: dict[Any, Client] = {}

    def url(self, case: Case, **ids: object) -> str:
        given = {
            "chat": self.chat.pk,
            "member": self.bob.pk,
            "message": self.message.pk,
            "invite": self.invite.pk,
            "webhook": self.webhook.pk,
            "delivery": self.delivery.pk,
            "incoming": self.incoming.pk,
            "attachment": self.attachment.pk,
            "invitation": self.invitation.pk,
            **ids,
        }
        return "/api/" + case.pattern.format(**given)

    def body(self, case: Case) -> dict[str, Any] | None:
        if case.body is None:
            return None
        return {n: self.dan.pk if v == "{dan}" else v for n, v in case.body.items()}

    def browser(self, person, **options: Any) -> Client:
        key = (person, *options.items())
        if key not in self.browsers:
            self.browsers[key] = browser_of(person, raise_request_exception=False, **options)
        return self.browsers[key]

    def ask(self, case: Case, person, *, url: str = "", body: Any = ..., **options: Any) -> Any:
        given = self.body(case) if body is ... else body
        if case.is_form:
            form = {"file": SimpleUploadedFile("secret.txt", b"words")}
            return self.browser(person, **options).post(url or self.url(case), form)
        return self.browser(person, **options).generic(
            case.method,
            url or self.url(case),
            data=given if isinstance(given, bytes | str) else json.dumps(given) if given else b"",
            content_type="application/json",
        )


@pytest.fixture
def world(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    for limit in TABLE:
        if limit.window_seconds:
            setattr(settings, limit.variable, 0)
    return World()


def methods_of(pattern) -> list[str]:
    """What the route itself says it takes."""
    answer = pattern.callback(RequestFactory().generic("OPTIONS", "/"))
    return [method.strip() for method in answer["Allow"].split(",")]


def ours(pattern) -> str:
    """The route's path as cases have it."""
    names = {
        "<int:chat_id>": "{chat}",
        "<int:user_id>": "{member}",
        "<int:message_id>": "{message}",
        "<int:webhook_id>": "{webhook}",
        "<int:delivery_id>": "{delivery}",
        "<int:incoming_id>": "{incoming}",
        "<int:invite_id>": "{invite}",
        "<int:invitation_id>": "{invitation}",
        "<uuid:attachment_id>": "{attachment}",
    }
    path = str(pattern.pattern)
    for given, name in names.items():
        path = path.replace(given, name)
    return path


def test_every_route_has_a_case():
    routes = {
        (method, ours(pattern))
        for pattern in urlpatterns
        for method in {*methods_of(pattern)} - {"HEAD", "OPTIONS"}
    }
    assert {(case.method, case.pattern.partition("?")[0]) for case in CASES} == routes


def refusal(answer) -> tuple[int, Any]:
    """What a person is told, the same whatever it is that they may not see."""
    error = answer.json()["error"]
    assert set(error) <= {"code", "detail", "retry_after"}
    assert error["detail"]
    return answer.status_code, error


def rule_of_case(case: Case):
    """The row under which its route stands."""
    path = case.pattern.partition("?")[0]
    (rules,) = [vars(pattern.callback)["rules"] for pattern in urlpatterns if ours(pattern) == path]
    return rules[case.method]


class TestMember:
    @every_case
    def test_is_answered(self, world, case):
        if case.joins:
            world.chat = make_public(world.ann)
        answer = world.ask(case, getattr(world, case.by))
        assert answer.status_code == case.status, answer.content
        assert answer["Cache-Control"].startswith("max-age=0")

    @pytest.mark.embedded
    @every_case
    def test_is_answered_in_json(self, world, case):
        if case.joins:
            world.chat = make_public(world.ann)
        answer = world.ask(case, getattr(world, case.by))
        if case.status == 204:
            assert answer.content == b""
        else:
            assert isinstance(answer.json(), dict)


@pytest.mark.embedded
class TestNobodySignedIn:
    @every_case
    def test_is_refused(self, world, case):
        before = everything_stored()
        status, error = refusal(world.ask(case, None))
        assert (status, error["code"]) == (401, "signed_out")
        assert everything_stored() == before


@pytest.mark.embedded
class TestBannedPerson:
    @every_case
    def test_is_refused(self, world, case):
        person = getattr(world, case.by)
        client = browser_of(person)
        ban(person)
        before = everything_stored()
        body = world.body(case)
        answer = client.generic(
            case.method,
            world.url(case),
            data=json.dumps(body) if body else b"",
            content_type="application/json",
        )
        assert refusal(answer)[0] == 401
        assert everything_stored() == before


@pytest.mark.embedded
class TestStranger:
    @every_case_of_a_chat
    def test_is_told_what_is_told_of_what_does_not_exist(self, world, case):
        before = everything_stored()
        not_yours = world.ask(case, world.eve)
        nowhere = world.ask(
            case,
            world.eve,
            url=world.url(case, chat=10**12, message=10**12, member=10**12, invitation=10**12),
        )
        assert refusal(not_yours) == refusal(nowhere)
        assert not_yours.status_code == 404
        assert b"secret" not in not_yours.content
        assert everything_stored() == before

    @pytest.mark.parametrize("case", [c for c in OF_A_CHAT if not c.joins], ids=str)
    def test_is_refused_in_a_public_chat_too(self, world, case):
        world.chat = make_public(world.ann, world.bob)
        world.message = post_text(world.chat, world.bob, "the secret words")
        before = everything_stored()
        assert refusal(world.ask(case, world.eve))[0] == 404
        assert everything_stored() == before

    @every_case_of_a_chat
    def test_may_have_been_a_member(self, world, case):
        remove(world.chat, world.bob)
        before = everything_stored()
        assert refusal(world.ask(case, world.bob))[0] == 404
        assert everything_stored() == before


class TestIds:
    NONE = (0, 2**63, 10**30, "9" * 5000, "-1", "1.5", "1%00", "٣")

    @every_case_of_a_chat
    def test_that_are_none_are_not_found(self, world, case):
        before = everything_stored()
        names = [
            name
            for name in ("chat", "member", "message", "invite", "invitation", *HOOK_IDS)
            if f"{{{name}}}" in case.pattern
        ]
        for name, wrong in itertools.product(names, self.NONE):
            url = world.url(case, **{name: wrong})
            answer = world.ask(case, getattr(world, case.by), url=url)
            assert answer.status_code == 404, (name, wrong)
        assert everything_stored() == before


def wrong_bodies(case: Case, good: dict[str, Any]):
    for name, values in case.wrong.items():
        for value in values:
            yield name, {**good, name: value}


class TestBody:
    @every_write
    def test_with_a_wrong_field_is_refused_and_writes_nothing(self, world, case):
        person, good = getattr(world, case.by), world.body(case)
        before = everything_stored()
        for name, body in wrong_bodies(case, good or {}):
            status, error = refusal(world.ask(case, person, body=body))
            known = {400, 404} if name in {"user_id"} else {400}
            assert status in known, (body, error)
        for name in case.body or {}:
            if None in case.wrong.get(name, []):
                body = {n: v for n, v in (good or {}).items() if n != name}
                status, error = refusal(world.ask(case, person, body=body or {"x": 1}))
                assert (status, name in error["detail"]) == (400, True), error
        assert everything_stored() == before

    NO_OBJECT = (
        *(b"[]", b"5", b'"x"', b"null", b"{", b'{"a": NaN}', b"\xff\xfe", b"[" * 10_000, b"a=b"),
        *(b'{"content": "\\ud800"}', b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    )

    @pytest.mark.embedded
    @every_write
    def test_that_is_no_object_is_refused_and_writes_nothing(self, world, case):
        before = everything_stored()
        for body in self.NO_OBJECT:
            status, error = refusal(world.ask(case, getattr(world, case.by), body=body))
            assert (status, error["code"]) in {(400, "bad_frame"), (400, "bad_text")}, body[:20]
        assert everything_stored() == before

    @pytest.mark.embedded
    @every_write
    def test_over_64_kib_is_refused_and_writes_nothing(self, world, case):
        before = everything_stored()
        for size in (65_537, 3 * 1024 * 1024):
            body = self.padded(world.body(case), size)
            status, error = refusal(world.ask(case, getattr(world, case.by), body=body))
            assert (status, error["code"]) == (413, "frame_too_large")
        assert everything_stored() == before

    def test_with_a_number_of_5000_digits_is_refused(self, world):
        case = next(case for case in CASES if case.pattern == "chats/direct")
        body = b'{"user_id": ' + b"9" * 5000 + b"}"
        assert refusal(world.ask(case, world.ann, body=body))[0] == 400

    def padded(self, fields: dict[str, Any] | None, size: int) -> str:
        """A good body of exactly so many bytes."""
        body = json.dumps({**(fields or {}), "filler": ""})
        body = body[:-2] + "x" * (size - len(body)) + '"}'
        assert len(body.encode()) == size
        return body

    def test_of_64_kib_is_taken(self, world):
        case = next(case for case in CASES if case.pattern.endswith("/messages") and case.writes)
        body = self.padded(world.body(case), 65_536)
        assert world.ask(case, world.bob, body=body).status_code == 200


class TestQuery:
    @pytest.mark.parametrize("case", [case for case in CASES if case.wrong_query], ids=str)
    def test_with_a_wrong_field_is_refused(self, world, case):
        path = world.url(case).partition("?")[0]
        for name, values in case.wrong_query.items():
            for value in values:
                person = getattr(world, case.by)
                answer = world.ask(case, person, url=f"{path}?{name}={value}")
                status, error = refusal(answer)
                assert (status, name in error["detail"]) == (400, True), (name, value, error)

    def test_before_and_around_exclude_each_other(self, world):
        case = Case("GET", f"{CHAT}/messages?before_seq=1&around_seq=1")
        status, error = refusal(world.ask(case, world.ann))
        assert status == 400
        assert "around_seq" in error["detail"]


@pytest.mark.embedded
class TestCsrf:
    @every_write
    def test_is_asked_of_every_write(self, world, case):
        if case.joins:
            world.chat = make_public(world.ann)
        before = everything_stored()
        answer = world.ask(case, getattr(world, case.by), enforce_csrf_checks=True)
        assert answer.status_code == 403
        assert everything_stored() == before

    def test_token_lets_a_write_through(self, world):
        client = browser_of(world.bob, enforce_csrf_checks=True)
        client.get("/")
        answer = client.post(
            f"/api/chats/{world.chat.pk}/receipts",
            data="{}",
            content_type="application/json",
            headers={"x-csrftoken": client.cookies[settings.CSRF_COOKIE_NAME].value},
        )
        assert answer.status_code == 204

    def test_refusal_is_json_with_a_next_step(self, world):
        case = next(case for case in WRITES if case.pattern == "chats")
        answer = world.ask(case, world.ann, enforce_csrf_checks=True)
        status, error = refusal(answer)
        assert (status, error["code"]) == (403, "forbidden")


@pytest.mark.embedded
class TestMethods:
    def test_that_a_route_does_not_know_are_refused(self, world):
        client = browser_of(world.ann)
        for pattern in {case.pattern for case in CASES}:
            cases = [case for case in CASES if case.pattern == pattern]
            known = {case.method for case in cases}
            unknown = {"GET", "POST", "PUT", "DELETE", "TRACE"} - known
            unknown |= {"HEAD"} - ({"HEAD"} if "GET" in known else set())
            for method in unknown:
                answer = client.generic(method, world.url(cases[0]))
                assert answer.status_code == 405, (method, pattern)


class TestMessages:
    def test_are_sent_once_however_often(self, world):
        client, chat = browser_of(world.bob), world.chat
        body = {"client_message_id": str(uuid.uuid4()), "content": "Привет"}
        answers = [
            client.post(f"/api/chats/{chat.pk}/messages", body, content_type="application/json")
            for _ in range(2)
        ]
        first, again = (answer.json() for answer in answers)
        assert first == {**again, "duplicate": False}
        assert again["duplicate"] is True
        assert set(first) == {"message_id", "seq", "revision", "created_at", "duplicate"}
        assert (first["seq"], first["created_at"][-1]) == (2, "Z")
        assert Message.objects.filter(content="Привет").count() == 1

    def test_are_limited_for_each_person(self, world, settings):
        settings.LIMIT_MESSAGES_PER_MINUTE = 1
        case = next(case for case in CASES if case.pattern.endswith("/messages") and case.writes)
        assert world.ask(case, world.bob).status_code == 200
        answer = world.ask(case, world.bob)
        status, error = refusal(answer)
        assert (status, error["code"]) == (429, "too_many")
        assert error["retry_after"] > 0
        assert int(answer["Retry-After"]) >= 1
        assert world.ask(case, world.ann).status_code == 200

    def test_are_refused_with_the_codes_of_the_socket(self, world):
        client, url = browser_of(world.bob), f"/api/chats/{world.chat.pk}/messages"
        for content, code in (("\u200b", "empty"), ("a\0", "bad_text"), ("x" * 4001, "too_long")):
            body = {"client_message_id": str(uuid.uuid4()), "content": content}
            answer = client.post(url, body, content_type="application/json")
            assert refusal(answer)[1]["code"] == code


class TestLimits:
    @every_case
    def test_hold_every_route_to_its_row(self, world, case, settings):
        """The next one is told what was too much; another person is not."""
        rule = rule_of_case(case)
        assert isinstance(rule, Limit)
        setattr(settings, rule.variable, 1)
        if case.joins:
            world.chat = make_public(world.ann)
        person, other = getattr(world, case.by), world.dan
        assert world.ask(case, person).status_code == case.status
        before = everything_stored()
        answer = world.ask(case, person)
        status, error = refusal(answer)
        assert (status, error["code"]) == (429, "too_many")
        assert error["retry_after"] > 0
        assert int(answer["Retry-After"]) >= error["retry_after"]
        assert error["detail"].startswith(str(rule.said))
        assert everything_stored() == before
        assert world.ask(case, other).status_code != 429


@pytest.mark.embedded
class TestDatabaseAway:
    @every_case
    def test_is_said_as_unavailable(self, world, case):
        """No traceback, no false ok, whichever query meets it first."""
        from django.db import connection

        from messaging.away import DatabaseAwayError

        def refuse(execute, sql, params, many, context):
            raise DatabaseAwayError("the server closed the connection")

        client = browser_of(getattr(world, case.by), raise_request_exception=False)
        body = world.body(case)
        with connection.execute_wrapper(refuse):
            answer = client.generic(
                case.method,
                world.url(case),
                data=json.dumps(body) if body else b"",
                content_type="application/json",
            )
        status, error = refusal(answer)
        assert (status, error["code"]) == (503, "unavailable")
        assert error["retry_after"]


class TestPeople:
    def test_are_found_by_parts_of_their_names(self, world):
        world.dan.display_name = "Даниил"
        world.dan.save()
        client = browser_of(world.ann)
        for words in (world.dan.username[:5], world.dan.username.upper(), "Дан"):
            found = client.get("/api/people", {"q": words}).json()["people"]
            assert {"id": world.dan.pk, "name": "Даниил", "username": world.dan.username} in found

    @pytest.mark.parametrize("words", ["", " ", "%", "_", "' OR 1=1 --", "\\"])
    def test_are_not_found_by_tricks(self, world, words):
        assert browser_of(world.ann).get("/api/people", {"q": words}).json() == {"people": []}

    def test_are_not_found_when_they_are_banned_or_oneself(self, world):
        ban(world.dan)
        client = browser_of(world.ann)
        for person in (world.dan, world.ann):
            assert client.get("/api/people", {"q": person.username}).json() == {"people": []}

    def test_are_twenty_at_most(self, world):
        for _ in range(25):
            make_person("crowd")
        found = browser_of(world.ann).get("/api/people", {"q": "crowd"}).json()["people"]
        assert len(found) == 20


class TestPublicChats:
    def test_come_in_pages_without_groups(self, world):
        mine = make_public(world.ann, title="zz mine")
        for n in range(20):
            make_public(world.bob, world.dan, title=f"zz {n}")
        make_group(world.bob, title="zz secret")
        client = browser_of(world.ann)
        pages = [
            client.get("/api/chats/public", {"q": "ZZ", "page": page}).json() for page in (0, 1, 2)
        ]
        assert [len(page["chats"]) for page in pages] == [20, 1, 0]
        assert [page["more"] for page in pages] == [True, False, False]
        assert pages[1]["chats"] == [
            {"id": mine.pk, "title": "zz mine", "member_count": 1, "joined": True}
        ]
        assert pages[0]["chats"][0]["member_count"] == 2

    def test_are_not_found_by_wildcards(self, world):
        make_public(world.ann, title="plain")
        for words in ("%", "_", "p%n"):
            assert browser_of(world.ann).get("/api/chats/public", {"q": words}).json() == {
                "chats": [],
                "more": False,
            }


class TestEdits:
    def test_show_earlier_words_to_members_only_until_the_message_is_deleted(self, world):
        bob, eve = browser_of(world.bob), browser_of(world.eve)
        url = f"/api/messages/{world.message.pk}"
        bob.patch(url, {"content": "better"}, content_type="application/json")
        (edit,) = bob.get(f"{url}/edits").json()["edits"]
        assert (edit["content"], edit["edited_at"][-1]) == ("the secret words", "Z")
        assert eve.get(f"{url}/edits").status_code == 404
        bob.delete(url)
        assert bob.get(f"{url}/edits").json() == {"edits": []}


class TestAddress:
    def test_says_which_row_is_meant_whatever_the_body_says(self, world):
        bob = browser_of(world.bob)
        other = post(world.chat, world.bob, "stays").message_id
        body = {"message_id": other, "content": "better"}
        url = f"/api/messages/{world.message.pk}"
        assert bob.patch(url, body, content_type="application/json").status_code == 200
        assert Message.objects.get(pk=world.message.pk).content == "better"
        assert Message.objects.get(pk=other).content == "stays"


class TestMembersList:
    def test_comes_in_pages_and_can_be_searched(self, world, monkeypatch):
        monkeypatch.setattr("chat.reads.directory.PAGE_MEMBERS", 1)
        client, url = browser_of(world.ann), f"/api/chats/{world.chat.pk}/members"
        first, second = client.get(url).json(), client.get(url, {"page": 1}).json()
        assert (first["more"], second["more"]) == (True, False)
        assert [page["members"][0]["role"] for page in (first, second)] == ["owner", "member"]
        found = client.get(url, {"q": world.bob.username.upper()}).json()["members"]
        assert [member["user"]["id"] for member in found] == [world.bob.pk]
        assert client.get(url, {"q": "%"}).json()["members"] == []


class TestMe:
    def test_says_who_is_signed_in_and_the_limits(self, world):
        answer = browser_of(world.ann).get("/api/me").json()
        assert answer["user"]["id"] == world.ann.pk
        assert answer["limits"]["content"] == 4000
        assert "password" not in json.dumps(answer)


class TestChatList:
    def test_says_whose_it_is(self, world):
        answer = browser_of(world.ann).get("/api/chats").json()
        assert answer["user"]["id"] == world.ann.pk
        assert [chat["id"] for chat in answer["chats"]] == [world.chat.pk]


class TestReceipts:
    def test_move_ones_own_cursor(self, world):
        post(world.chat, world.ann)
        browser_of(world.bob).post(
            f"/api/chats/{world.chat.pk}/receipts",
            {"read_seq": 99},
            content_type="application/json",
        )
        chat = browser_of(world.bob).get(f"/api/chats/{world.chat.pk}").json()["chat"]
        assert (chat["delivered_seq"], chat["read_seq"], chat["unread"]) == (2, 2, 0)
