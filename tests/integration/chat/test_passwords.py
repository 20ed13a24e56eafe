"""Every place that asks for a password: guessing is slowed, and nobody is locked out by others."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.limits.table import (
    PASSWORDS_OF_ACCOUNT_HERE,
    PASSWORDS_OF_ADDRESS,
    PASSWORDS_OF_ANY_NAME,
    PASSWORDS_OF_DEVICE,
    WRONG_INVITES,
    WRONG_TOKENS,
)
from chat.models import User
from chat.services.chats.invites import create_invite
from chat.services.people.people import create_person
from chat.webhooks.incoming import create_incoming_webhook
from tests.support import people
from tests.unit.test_project import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]

PASSWORD, NEW = "sunny-road-71", "cloudy-road-72"
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def no_tries_counted(frozen_counts):
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def anna() -> User:
    return create_person(username="anna", password=PASSWORD, display_name="Anna Petrova")


@pytest.fixture
def boris() -> User:
    return create_person(username="boris", password=PASSWORD, display_name="Boris")


def sign_in(client: Client, username: str, password: str, *, at: str = HERE, to: str = "/sign-in"):
    fields = {"username": username, "password": password}
    return client.post(to, fields, REMOTE_ADDR=at)


def known(username: str, *, at: str = HERE) -> Client:
    """A browser in which this person has signed in before, and is not signed in now."""
    client = Client()
    assert sign_in(client, username, PASSWORD, at=at).status_code == 302
    client.post("/sign-out")
    return client


def signed_in(username: str) -> Client:
    client = Client()
    sign_in(client, username, PASSWORD, at=ELSEWHERE)
    return client


@dataclass(frozen=True)
class Field:
    """How a password is tried there, and after how many wrong ones it is not looked at."""

    browser: Callable[[], Client]
    send: Callable[[Client, str], Any]
    tries: int = 6

    def is_refused(self, client: Client, password: str) -> bool:
        answer = self.send(client, password)
        is_said = "Too many wrong passwords. Try again in" in answer.content.decode()
        assert is_said == (answer.status_code == 429)
        return is_said


def change_password(client: Client, password: str):
    fields = {"old_password": password, "new_password1": NEW, "new_password2": NEW}
    return client.post("/profile/password", fields)


def delete_account(client: Client, password: str):
    return client.post("/profile/delete", {"username": "anna", "password": password})


def staff_sign_in(client: Client, password: str):
    page = client.get("/admin/login/", follow=True)
    address = page.redirect_chain[-1][0]
    return sign_in(client, "anna", password, to=address)


FIELDS = {
    "sign-in": Field(Client, lambda client, password: sign_in(client, "anna", password)),
    "sign-in in a known browser": Field(
        lambda: known("anna"), lambda client, password: sign_in(client, "anna", password), tries=12
    ),
    "staff's sign-in": Field(Client, staff_sign_in),
    "old password": Field(lambda: signed_in("anna"), change_password),
    "deleting the account": Field(lambda: signed_in("anna"), delete_account),
}
every_field = pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)


class TestEveryField:
    @every_field
    def test_looks_at_few_wrong_passwords_and_then_not_at_the_right_one(self, field, anna):
        client = field.browser()
        refused = [field.is_refused(client, "guess") for _ in range(field.tries + 4)]
        assert refused == [False] * field.tries + [True] * 4
        assert field.is_refused(client, PASSWORD)
        anna.refresh_from_db()
        assert anna.check_password(PASSWORD)
        assert anna.deleted_at is None

    @every_field
    def test_forgets_wrong_ones_after_the_right_one(self, field, anna, monkeypatch):
        # Deleting would leave nobody to go on with.
        monkeypatch.setattr("chat.http.pages.account_care.delete_account", lambda user: None)
        client = field.browser()
        for _ in range(field.tries - 1):
            assert not field.is_refused(client, "guess")
        assert not field.is_refused(client, PASSWORD)

    @every_field
    def test_keeps_no_neighbour_out_of_a_known_device(self, field, anna, boris):
        neighbour = known("boris")
        client = field.browser()
        for _ in range(60):
            field.send(client, "guess")
        assert sign_in(neighbour, "boris", PASSWORD).status_code == 302

    @every_field
    def test_does_not_lock_the_owner_out(self, field, anna):
        own = known("anna")
        client = field.browser()
        for _ in range(30):
            field.send(client, "guess")
        assert sign_in(own, "anna", PASSWORD).status_code == 302
        assert sign_in(Client(), "anna", PASSWORD, at="192.0.2.77").status_code == 302

    def test_is_checked_in_one_place(self):
        """Another one that looks at a password would be one without a limit."""
        found = {
            str(file.relative_to(ROOT))
            for folder in ("chat", "webchat", "messaging")
            for file in (ROOT / folder).rglob("*.py")
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", ""))
            in {"check_password", "authenticate"}
        }
        assert found == {"chat/http/sign_in_throttle.py"}


class TestInventedNames:
    def test_use_nothing_up_that_real_people_at_the_address_have(self, anna, boris):
        stranger = Client()
        for number in range(PASSWORDS_OF_ADDRESS.amount + 20):
            assert sign_in(stranger, f"nobody{number}", "guess").status_code == 200
        assert sign_in(Client(), "boris", PASSWORD).status_code == 302

    def test_are_not_endless(self, anna, settings):
        settings.LIMIT_PASSWORDS_PER_ADDRESS_OF_ANY_NAME = 10
        stranger, own = Client(), known("anna")
        statuses = [sign_in(stranger, f"nobody{n}", "guess").status_code for n in range(12)]
        assert statuses == [200] * 10 + [429] * 2
        assert PASSWORDS_OF_ANY_NAME.default > 5 * PASSWORDS_OF_ADDRESS.default
        assert sign_in(own, "anna", PASSWORD).status_code == 302

    def test_are_answered_like_real_ones(self, anna, settings):
        settings.LIMIT_PASSWORDS_PER_ADDRESS = 20
        pages, costs = [], []
        for name in ("anna", "nobody"):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                answer = sign_in(Client(), name, "guess")
            pages.append(
                (answer.status_code, "The username or password is wrong" in str(answer.content))
            )
            costs.append(len(queries))
        assert pages[0] == pages[1]
        assert costs[0] == costs[1]

    def test_are_refused_like_real_ones_once_real_ones_are(self, anna, settings):
        settings.LIMIT_PASSWORDS_PER_ADDRESS = 3
        for number in range(3):
            create_person(username=f"real{number}", password=PASSWORD)
            sign_in(Client(), f"real{number}", "guess")
        answers = [sign_in(Client(), name, "guess") for name in ("anna", "nobody")]
        assert [answer.status_code for answer in answers] == [429, 429]


class TestRealNames:
    def test_many_of_them_from_one_address_are_stopped(self, anna, settings):
        settings.LIMIT_PASSWORDS_PER_ADDRESS = 5
        for number in range(7):
            create_person(username=f"real{number}", password=PASSWORD)
        statuses = [sign_in(Client(), f"real{n}", "guess").status_code for n in range(7)]
        assert statuses == [200] * 5 + [429] * 2
        assert sign_in(Client(), "anna", PASSWORD).status_code == 429
        assert sign_in(Client(), "anna", PASSWORD, at=ELSEWHERE).status_code == 302

    def test_of_one_network_of_ipv6_are_of_one_address(self, anna):
        statuses = [
            sign_in(Client(), "anna", "guess", at=f"2001:db8:1:2::{n:x}").status_code
            for n in range(PASSWORDS_OF_ACCOUNT_HERE.amount + 1)
        ]
        assert statuses[-2:] == [200, 429]


class TestKnownCookie:
    def tries(self, cookie: str, username: str, *, at: str = HERE) -> int:
        """How many wrong passwords are looked at with it."""
        looked_at = 0
        for _ in range(30):
            client = Client()
            client.cookies[settings.KNOWN_COOKIE_NAME] = cookie
            looked_at += sign_in(client, username, "guess", at=at).status_code == 200
        return looked_at

    def test_that_is_forged_does_not_help(self, anna):
        for forged in ("anna", '{"account": "anna"}', "e30:1:x", ""):
            assert self.tries(forged, "anna", at=f"192.0.2.{len(forged)}") == 6

    def test_of_another_account_does_not_help(self, anna, boris):
        cookie = known("boris").cookies[settings.KNOWN_COOKIE_NAME].value
        assert self.tries(cookie, "anna") == PASSWORDS_OF_ACCOUNT_HERE.amount

    def test_copied_to_many_addresses_has_the_tries_of_one_device(self, anna):
        cookie = known("anna").cookies[settings.KNOWN_COOKIE_NAME].value
        assert self.tries(cookie, "anna", at="192.0.2.10") == (
            PASSWORDS_OF_DEVICE.amount + PASSWORDS_OF_ACCOUNT_HERE.amount
        )
        assert self.tries(cookie, "anna", at="192.0.2.11") == PASSWORDS_OF_ACCOUNT_HERE.amount

    def test_copied_by_a_thief_does_not_lock_the_owner_out(self, anna):
        own = known("anna")
        self.tries(own.cookies[settings.KNOWN_COOKIE_NAME].value, "anna", at=ELSEWHERE)
        assert sign_in(own, "anna", PASSWORD).status_code == 302

    def test_goes_past_what_others_used_up_at_the_address(self, anna, boris, settings):
        own = known("boris")
        settings.LIMIT_PASSWORDS_PER_ADDRESS = settings.LIMIT_PASSWORDS_PER_ADDRESS_OF_ANY_NAME = 3
        for _ in range(6):
            sign_in(Client(), "anna", "guess")
        assert sign_in(Client(), "boris", PASSWORD).status_code == 429
        assert sign_in(own, "boris", PASSWORD).status_code == 302


@pytest.fixture
def invite(anna):
    return create_invite(actor=anna, chat_id=people.make_group(anna).pk)


class TestWrongInvites:
    def use_up(self, client: Client) -> None:
        for number in range(WRONG_INVITES.amount):
            assert client.get(f"/join/{number}", REMOTE_ADDR=HERE).status_code == 404
        assert client.get("/join/x", REMOTE_ADDR=HERE).status_code == 429

    def test_keep_no_one_out_who_is_signed_in_or_known_at_the_same_address(self, invite, boris):
        device, session = known("boris"), people.browser_of(boris)
        self.use_up(Client())
        for client in (device, session):
            answer = client.get(f"/join/{invite.token}", REMOTE_ADDR=HERE)
            assert answer.status_code == 200
        assert Client().get(f"/join/{invite.token}", REMOTE_ADDR=HERE).status_code == 429

    def test_of_a_person_count_for_this_person_alone(self, invite, anna, boris):
        stranger = create_person(username="carol", password=PASSWORD)
        self.use_up(people.browser_of(boris))
        for client in (Client(), people.browser_of(stranger)):
            answer = client.get(f"/join/{invite.token}", REMOTE_ADDR=HERE)
            assert answer.status_code == 200


class TestWrongTokens:
    def test_of_webhooks_are_told_to_wait_and_right_ones_are_taken(self, anna):
        chat = people.make_group(anna)
        _, token = create_incoming_webhook(actor=anna, chat_id=chat.pk, name="Builds")

        def post(token: str) -> Any:
            fields = {"text": "x", "id": f"{timezone.now()}"}
            return Client().post(f"/hooks/{token}", fields, content_type="application/json")

        statuses = [post(f"x{number}").status_code for number in range(WRONG_TOKENS.amount + 2)]
        assert statuses == [404] * WRONG_TOKENS.amount + [429] * 2
        assert int(post("y")["Retry-After"]) >= 1
        assert post(token).status_code == 201
