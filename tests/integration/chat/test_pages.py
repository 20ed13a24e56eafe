"""Pages as the server renders them: accounts, the way in, the language, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from chat.errors import TooManyError
from chat.http import sign_in_throttle
from chat.limits.table import (
    FIVE_MINUTES,
    PASSWORDS_OF_ACCOUNT,
    PASSWORDS_OF_ACCOUNT_HERE,
    PASSWORDS_OF_ADDRESS,
    PASSWORDS_UNDER_ATTACK,
)
from chat.models import Chat, User
from chat.services.chats.chats import create_chat, open_direct_chat
from chat.services.people.people import create_person

pytestmark = pytest.mark.django_db

PASSWORD = "sunny-road-71"
PAGES_OF_A_PERSON = ["home", "profile", "password-change"]


@pytest.fixture(autouse=True)
def quick_and_clean(settings):
    """Passwords are hashed quickly; no failed sign-in of another test counts."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def anna() -> User:
    return create_person(username="Anna", password=PASSWORD, display_name="Anna Petrova")


@pytest.fixture
def signed_in(client: Client, anna: User) -> Client:
    client.force_login(anna)
    return client


def sign_in(client: Client, username: str, password: str, **extra: Any):
    return client.post("/sign-in", {"username": username, "password": password}, **extra)


class TestSignUp:
    def test_makes_an_account_and_signs_in(self, client):
        answer = client.post(
            "/sign-up", {"username": "boris", "display_name": "  Борис  С. ", "password": PASSWORD}
        )
        assert answer.status_code == 302
        assert answer.url == "/"
        user = get_user(client)
        assert isinstance(user, User)
        assert user.username == "boris"
        assert user.display_name == "Борис С."

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("username", "ANNA", "taken"),
            ("username", "an na", "Use only letters"),
            ("username", "<script>", "Use only letters"),
            ("username", "a" * 33, "at most 32"),
            ("username", "", "required"),
            ("password", "1234567", "too short"),
            ("password", "12345678", "too common"),
            ("password", "boris2026", "similar to the username"),
            ("display_name", "\u200b\u2060", "nothing visible"),
            ("display_name", "a\x00b", "Null characters"),
            ("display_name", "x" * 65, "at most 64"),
        ],
    )
    def test_says_what_cannot_be_taken(self, client, anna, field, value, words):
        fields = {"username": "boris", "display_name": "boris-petrov", "password": PASSWORD}
        answer = client.post("/sign-up", fields | {field: value})
        assert answer.status_code == 200
        assert words in answer.content.decode()
        assert not User.objects.filter(username="boris").exists()

    def test_never_shows_the_password_again(self, client):
        answer = client.post("/sign-up", {"username": "", "password": PASSWORD})
        assert PASSWORD not in answer.content.decode()


@pytest.mark.embedded
class TestSignIn:
    def test_takes_the_username_in_any_case(self, client, anna):
        assert sign_in(client, "aNNA", PASSWORD).status_code == 302
        assert get_user(client) == anna

    @pytest.mark.parametrize(
        "target",
        ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"],
    )
    @pytest.mark.parametrize("page", ["/sign-in", "/sign-up", "/i18n/language"])
    def test_goes_on_only_within_the_site(self, client, anna, page, target):
        fields = {"username": "anna", "password": PASSWORD, "language": "ru", "next": target}
        if page == "/sign-up":
            fields["username"] = "boris"
        answer = client.post(page, fields)
        assert answer.status_code == 302
        assert answer.url == "/"

    def test_goes_on_where_it_was_asked_for(self, client, anna):
        fields = {"username": "anna", "password": PASSWORD, "next": "/profile"}
        assert client.post("/sign-in", fields).url == "/profile"

    def test_does_not_say_whether_the_account_exists(self, client, anna):
        wrong = sign_in(client, "anna", "wrong").content.decode()
        nobody = sign_in(client, "nobody", "wrong").content.decode()
        assert wrong.count("The username or password is wrong") == 1
        assert nobody.count("The username or password is wrong") == 1

    def test_a_banned_account_stays_out(self, client, anna):
        User.objects.update(is_active=False)
        assert sign_in(client, "anna", PASSWORD).status_code == 200
        assert not get_user(client).is_authenticated


@pytest.mark.embedded  # test_shared_cache has the counters on a real Redis
class TestGuessing:
    @pytest.fixture(autouse=True)
    def no_time_passes(self, frozen_counts):
        """However slow the machine."""

    def test_is_stopped_per_account_and_address_even_with_the_right_password(self, client, anna):
        for _ in range(PASSWORDS_OF_ACCOUNT_HERE.amount):
            assert sign_in(client, "anna", "guess").status_code == 200
        answer = sign_in(client, "anna", PASSWORD)
        assert answer.status_code == 429
        assert "Too many wrong passwords. Try again in 50 seconds." in answer.content.decode()
        assert not get_user(client).is_authenticated

    def test_in_another_spelling_counts_alike(self, client, anna):
        for number in range(PASSWORDS_OF_ACCOUNT_HERE.amount):
            sign_in(client, ["anna", "ANNA", " Anna "][number % 3], "guess")
        assert sign_in(client, "anna", PASSWORD).status_code == 429

    def test_does_not_lock_the_owner_out_at_another_address(self, client, anna):
        for number in range(200):
            sign_in(client, "anna", "guess", REMOTE_ADDR=f"10.0.{number // 6}.1")
        assert sign_in(client, "anna", PASSWORD, REMOTE_ADDR="192.0.2.7").status_code == 302

    def test_does_not_lock_the_owner_out_at_the_same_address_in_a_known_browser(self, anna):
        own, strange = Client(), Client()
        sign_in(own, "anna", PASSWORD)
        own.post("/sign-out")
        for _ in range(60):
            sign_in(strange, "anna", "guess")
        assert sign_in(strange, "anna", PASSWORD).status_code == 429
        assert sign_in(own, "anna", PASSWORD).status_code == 302

    def test_many_addresses_at_one_account_have_few_tries_each(self, client, anna):
        tried = 0
        for number in range(100):
            for _ in range(PASSWORDS_OF_ACCOUNT_HERE.amount):
                answer = sign_in(client, "anna", "guess", REMOTE_ADDR=f"10.1.{number}.1")
                tried += answer.status_code == 200
        assert tried <= (PASSWORDS_OF_ACCOUNT.amount + 100 * PASSWORDS_UNDER_ATTACK.amount)

    def test_counts_before_it_looks_so_that_many_at_once_are_not_free(self, db):
        attempt = sign_in_throttle.Attempt(account="anna", address="192.0.2.1")
        for _ in range(PASSWORDS_OF_ACCOUNT_HERE.amount):
            attempt.begin()
        with pytest.raises(TooManyError):
            attempt.begin()

    def test_that_succeeds_is_forgotten(self, client, anna):
        for _ in range(PASSWORDS_OF_ADDRESS.amount + 5):
            assert sign_in(client, "anna", PASSWORD).status_code == 302
            client.post("/sign-out")
            client.cookies.clear()

    def test_a_forged_address_does_not_help(self, client, anna):
        for number in range(20):
            answer = sign_in(client, "anna", "guess", HTTP_X_FORWARDED_FOR=f"10.2.0.{number}")
        assert answer.status_code == 429

    def test_a_forged_cookie_does_not_help(self, client, anna):
        client.cookies["known"] = "anna"
        for _ in range(20):
            answer = sign_in(client, "anna", "guess")
        assert answer.status_code == 429

    def test_goes_on_when_the_window_is_over(self, client, anna, frozen_counts):
        for _ in range(20):
            sign_in(client, "anna", "guess")
        frozen_counts.move(FIVE_MINUTES)
        assert sign_in(client, "anna", PASSWORD).status_code == 302


@pytest.mark.embedded
class TestSignOut:
    def test_is_by_post_only(self, signed_in):
        assert signed_in.get("/sign-out").status_code == 405
        assert get_user(signed_in).is_authenticated
        assert signed_in.post("/sign-out").url == "/sign-in"
        assert not get_user(signed_in).is_authenticated

    def test_needs_the_token_of_the_page(self, anna):
        client = Client(enforce_csrf_checks=True)
        client.force_login(anna)
        answer = client.post("/sign-out")
        assert answer.status_code == 403
        assert "This page was open for too long" in answer.content.decode()
        assert get_user(client).is_authenticated


@pytest.mark.embedded
class TestPasswordChange:
    def test_signs_the_other_devices_out(self, signed_in, anna):
        other = Client()
        other.force_login(anna)
        answer = signed_in.post(
            "/profile/password",
            {
                "old_password": PASSWORD,
                "new_password1": "cloudy-road-72",
                "new_password2": "cloudy-road-72",
            },
        )
        assert answer.url == "/profile"
        assert get_user(signed_in).is_authenticated
        assert not get_user(other).is_authenticated

    def test_asks_for_the_old_one(self, signed_in):
        new = "cloudy-road-72"
        fields = {"old_password": "wrong", "new_password1": new, "new_password2": new}
        assert signed_in.post("/profile/password", fields).status_code == 200
        assert User.objects.get().check_password(PASSWORD)


class TestProfile:
    def test_keeps_name_language_and_colours(self, signed_in):
        fields = {"display_name": "Аня", "language": "ru", "theme": "dark"}
        assert signed_in.post("/profile", fields).url == "/profile"
        assert (User.objects.get().name, User.objects.get().language) == ("Аня", "ru")
        page = signed_in.get("/profile").content.decode()
        assert 'lang="ru"' in page
        assert 'data-theme="dark"' in page

    def test_refuses_what_it_does_not_know(self, signed_in):
        assert signed_in.post("/profile", {"language": "xx"}).status_code == 200
        assert signed_in.post("/profile", {"theme": "<script>"}).status_code == 200
        signed_in.cookies["theme"] = '"><script>'
        assert '<script>"' not in signed_in.get("/profile").content.decode()


@pytest.mark.embedded
class TestLanguage:
    def test_follows_the_browser_then_the_switch_then_the_person(self, client, anna):
        assert 'lang="ru"' in client.get("/sign-in", HTTP_ACCEPT_LANGUAGE="ru").content.decode()
        client.post("/i18n/language", {"language": "en"})
        assert 'lang="en"' in client.get("/sign-in", HTTP_ACCEPT_LANGUAGE="ru").content.decode()
        User.objects.update(language="ru")
        client.force_login(anna)
        assert 'lang="ru"' in client.get("/", HTTP_ACCEPT_LANGUAGE="en").content.decode()

    def test_of_one_request_does_not_leak_into_the_next(self, client, anna):
        User.objects.update(language="ru")
        client.force_login(anna)
        client.get("/")
        assert 'lang="en"' in Client().get("/sign-in").content.decode()

    def test_switched_by_a_person_is_kept_in_the_profile(self, signed_in):
        signed_in.post("/i18n/language", {"language": "ru", "next": "/profile"})
        assert User.objects.get().language == "ru"

    def test_is_not_switched_by_a_link(self, client):
        assert client.get("/i18n/language?language=ru").status_code == 405

    def test_of_the_client_comes_with_its_words(self, client):
        words = client.get("/i18n/words.js", HTTP_ACCEPT_LANGUAGE="ru")
        assert json.dumps("Напишите сообщение") in words.content.decode()
        again = client.get(
            "/i18n/words.js", HTTP_ACCEPT_LANGUAGE="ru", HTTP_IF_NONE_MATCH=words["ETag"]
        )
        assert again.status_code == 304


@pytest.mark.embedded
class TestChatPage:
    @pytest.mark.parametrize("name", PAGES_OF_A_PERSON)
    def test_is_for_those_who_signed_in(self, client, name):
        answer = client.get(reverse(name))
        assert answer.status_code == 302
        assert answer.url.startswith("/sign-in?next=/")

    def test_begins_with_the_newest_messages_of_the_chat(self, signed_in, anna):
        chat = create_chat(owner=anna, kind=Chat.Kind.GROUP, title="</script><b>")
        page = signed_in.get(f"/chats/{chat.pk}")
        assert page.context["state"]["open"]["chat_id"] == chat.pk
        assert "</script><b>" not in page.content.decode()

    def test_of_anothers_chat_and_of_none_are_the_same(self, signed_in):
        boris = create_person(username="boris", password=PASSWORD)
        clara = create_person(username="clara", password=PASSWORD)
        group = create_chat(owner=boris, kind=Chat.Kind.GROUP, title="Secret")
        direct = open_direct_chat(user=boris, other_id=clara.pk)
        answers = [
            signed_in.get(f"/chats/{pk}") for pk in (group.pk, direct.pk, 10**6, 0, 2**63, 10**40)
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1

    def test_of_a_public_chat_shows_its_name_and_nothing_else(self, signed_in):
        boris = create_person(username="boris", password=PASSWORD)
        chat = create_chat(owner=boris, kind=Chat.Kind.PUBLIC, title="Open house")
        opened = signed_in.get(f"/chats/{chat.pk}").context["state"]["open"]
        invitation = {"id": chat.pk, "title": "Open house"}
        assert opened == {"chat_id": chat.pk, "invitation": invitation}

    def test_is_not_kept_by_the_browser(self, signed_in):
        assert "no-store" in signed_in.get("/")["Cache-Control"]


@pytest.mark.embedded
class TestEveryPage:
    @pytest.mark.parametrize(
        "path", ["/", "/profile", "/profile/password", "/sign-in", "/sign-up", "/nowhere"]
    )
    def test_runs_nothing_inline_and_loads_only_what_is_ours(self, client, anna, path):
        if path not in {"/sign-in", "/sign-up"}:
            client.force_login(anna)
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        page = answer.content.decode()
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "https://" not in page

    def test_that_is_not_there_says_where_to_go(self, client):
        answer = client.get("/nowhere", HTTP_ACCEPT_LANGUAGE="ru")
        assert answer.status_code == 404
        assert "Здесь ничего нет" in answer.content.decode()
        assert 'href="/"' in answer.content.decode()

    def test_that_breaks_says_so_without_a_traceback(self, client, anna, monkeypatch):
        def broken(user):
            raise RuntimeError("secret detail")

        monkeypatch.setattr("chat.http.pages.chats.chat_summaries", broken)
        client.force_login(anna)
        client.raise_request_exception = False
        answer = client.get("/")
        assert answer.status_code == 500
        assert "Something went wrong on our side" in answer.content.decode()
        assert "secret detail" not in answer.content.decode()
