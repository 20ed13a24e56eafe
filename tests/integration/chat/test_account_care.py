"""One's own account: where it is signed in, who sees what, what was written, and its end."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from chat.events.topics import AUDIT_TOPIC
from chat.models import Chat, Membership, Message, SignIn, User
from chat.services.chats.chats import leave_chat
from chat.services.messages import delete_message, edit_message
from chat.services.people.people import create_person
from chat.services.people.sign_ins import SEEN_EVERY, see_sign_ins
from messaging.models import OutboxEvent
from tests.support import people

pytestmark = pytest.mark.django_db

PASSWORD = "sunny-road-71"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


@pytest.fixture(autouse=True)
def no_tries_counted():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def anna() -> User:
    return create_person(username="anna", password=PASSWORD, display_name="Anna Petrova")


def browser() -> Client:
    """Signed in as Anna."""
    client = Client(headers={"user-agent": FIREFOX})
    client.post("/sign-in", {"username": "anna", "password": PASSWORD})
    return client


def is_signed_in(client: Client) -> bool:
    return get_user(client).is_authenticated


def facts(action: str) -> list[dict]:
    rows = OutboxEvent.objects.filter(topic=AUDIT_TOPIC, event_type=action)
    return [json.loads(row.payload) for row in rows.order_by("pk")]


class TestSignIns:
    def test_are_listed_with_device_and_this_one_first(self, anna):
        other, this = browser(), browser()
        page = this.get("/profile/sign-ins").content.decode()
        assert page.count("Firefox, Linux") == 3  # two rows, and the label of one button
        assert page.index("this device") < page.index("last seen")
        assert is_signed_in(other)

    def test_one_is_ended_and_written_down(self, anna):
        other, this = browser(), browser()
        sign_in = SignIn.objects.get(session_key=other.session.session_key)
        answer = this.post(f"/profile/sign-ins/{sign_in.pk}/end", follow=True)
        assert "Signed out there." in answer.content.decode()
        assert (is_signed_in(other), is_signed_in(this)) == (False, True)
        (fact,) = facts("sign_in.ended")
        assert (fact["actorId"], fact["details"]) == (str(anna.pk), {"count": 1})

    def test_of_others_cannot_be_ended(self, anna):
        this = browser()
        stranger = Client()
        stranger.force_login(people.make_person("boris"))
        sign_in = SignIn.objects.get(session_key=this.session.session_key)
        stranger.post(f"/profile/sign-ins/{sign_in.pk}/end")
        assert is_signed_in(this)

    def test_are_all_ended_but_this_one(self, anna):
        others, this = [browser(), browser()], browser()
        answer = this.post("/profile/sign-ins/end", follow=True)
        assert "Signed out on 2 devices." in answer.content.decode()
        assert [is_signed_in(one) for one in (*others, this)] == [False, False, True]

    def test_are_all_ended_with_this_one(self, anna):
        other, this = browser(), browser()
        this.post("/profile/sign-ins/end", {"here": "yes"})
        assert not is_signed_in(other)
        assert not is_signed_in(this)
        assert not SignIn.objects.exists()
        assert not Session.objects.exists()

    def test_are_ended_elsewhere_by_a_new_password_and_go_on_here(self, anna):
        other, this = browser(), browser()
        this.post(
            "/profile/password",
            {
                "old_password": PASSWORD,
                "new_password1": "other-road-72",
                "new_password2": "other-road-72",
            },
        )
        assert (is_signed_in(other), is_signed_in(this)) == (False, True)
        assert SignIn.objects.get().session_key == this.session.session_key

    def test_signing_out_takes_the_row_away(self, anna):
        browser().post("/sign-out")
        assert not SignIn.objects.exists()

    def test_whose_session_ran_out_are_not_shown_and_go_with_the_next_sign_in(self, anna):
        old = browser()
        Session.objects.filter(session_key=old.session.session_key).update(
            expire_date=timezone.now() - timedelta(seconds=1)
        )
        this = browser()
        assert "last seen" not in this.get("/profile/sign-ins").content.decode()
        assert SignIn.objects.count() == 1

    def test_from_before_the_list_appears_when_it_is_looked_at(self, anna):
        this = browser()
        SignIn.objects.all().delete()
        assert "this device" in this.get("/profile/sign-ins").content.decode()

    def test_are_seen_now_and_then_not_at_every_look(self, anna):
        key = browser().session.session_key or ""
        recently = timezone.now() - SEEN_EVERY / 2
        SignIn.objects.update(seen_at=recently)
        see_sign_ins([key])
        assert SignIn.objects.get().seen_at == recently
        SignIn.objects.update(seen_at=timezone.now() - SEEN_EVERY * 2)
        see_sign_ins([key])
        assert SignIn.objects.get().seen_at > recently


@pytest.mark.embedded
class TestSignUpLimit:
    def test_stops_a_machine_and_says_when_to_come_back(self, client, settings):
        settings.LIMIT_SIGN_UPS_PER_HOUR = 2
        answers = []
        for number in range(3):
            fields = {"username": f"robot{number}", "password": PASSWORD}
            answers.append(Client().post("/sign-up", fields))
        assert [answer.status_code for answer in answers] == [302, 302, 429]
        assert "Try again in 30 minutes." in answers[2].content.decode()
        assert not User.objects.filter(username="robot2").exists()

    def test_counts_no_form_that_was_refused(self, settings):
        settings.LIMIT_SIGN_UPS_PER_HOUR = 1
        for _ in range(3):
            Client().post("/sign-up", {"username": "x y", "password": PASSWORD})
        answer = Client().post("/sign-up", {"username": "anna", "password": PASSWORD})
        assert answer.status_code == 302


class TestPrivacy:
    def test_is_chosen_on_the_profile(self, anna):
        this = browser()
        this.post("/profile", {"display_name": "Anna", "shares_reading": "on"})
        anna.refresh_from_db()
        assert (anna.shares_reading, anna.shares_presence) == (True, False)


@pytest.fixture
def written(anna):
    """What Anna wrote in two chats, one of which she has left, amid what others wrote."""
    boris = people.make_person("boris", display_name="=HYPERLINK(1)")
    group = people.make_group(boris, anna, title="Plans")
    direct = people.make_direct(anna, boris)
    first = people.post_text(group, anna, "=1+1, the first")
    people.post_text(group, boris, "not Anna's")
    gone = people.post_text(group, anna, "gone")
    answer = people.post_text(direct, anna, 'Line one\n"two", Привет 🙂')
    edit_message(actor=anna, message_id=first.pk, content="=1+1, better")
    delete_message(actor=anna, message_id=gone.pk)
    people.remove(group, anna)
    return group, direct, first, answer


def download(client: Client, form: str) -> str:
    response: Any = client.post(f"/profile/export/{form}")
    assert response.status_code == 200, response.status_code
    assert "attachment" in response["Content-Disposition"]

    async def read() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    return async_to_sync(read)().decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.embedded
class TestExport:
    def test_as_json_has_every_message_with_its_earlier_wordings(self, written):
        group, direct, *_ = written
        rows = [json.loads(line) for line in download(browser(), "jsonl").splitlines()]
        assert [(row["chat_id"], row["seq"], row["state"], row["content"]) for row in rows] == [
            (group.pk, 1, "sent", "=1+1, better"),
            (group.pk, 3, "deleted", ""),
            (direct.pk, 1, "sent", 'Line one\n"two", Привет 🙂'),
        ]
        assert [edit["content"] for edit in rows[0]["earlier"]] == ["=1+1, the first"]
        assert [row["chat"] for row in rows] == ["", "", "=HYPERLINK(1)"]

    def test_as_csv_is_text_to_a_spreadsheet(self, written):
        text = download(browser(), "csv")
        assert text.startswith("\ufeff")
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert [row["content"] for row in rows] == [
            "'=1+1, better",
            "",
            'Line one\n"two", Привет 🙂',
        ]
        assert rows[2]["chat"] == "'=HYPERLINK(1)"
        assert f'"{rows[2]["chat_id"]}"' in text

    def test_goes_through_more_than_a_page(self, anna, monkeypatch):
        monkeypatch.setattr("chat.reads.export.PAGE", 2)
        chat = people.make_group(anna)
        for number in range(5):
            people.post_text(chat, anna, f"message {number}")
        rows = [json.loads(line) for line in download(browser(), "jsonl").splitlines()]
        assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]

    def test_does_not_say_what_a_chat_is_called_since_one_has_left(self, anna):
        boris = people.make_person("boris")
        chat = people.make_group(boris, anna, title="Plans")
        people.post_text(chat, anna, "good bye")
        leave_chat(user=anna, chat_id=chat.pk)
        Chat.objects.filter(pk=chat.pk).update(title="Without Anna")
        (row,) = [json.loads(line) for line in download(browser(), "jsonl").splitlines()]
        assert (row["content"], row["chat"]) == ("good bye", "")

    def test_has_a_name_in_any_alphabet(self, anna):
        User.objects.filter(pk=anna.pk).update(username="анна")
        this = people.browser_of(User.objects.get(pk=anna.pk))
        answer = this.post("/profile/export/csv")
        assert "filename*=utf-8''webchat-%D0%B0" in answer["Content-Disposition"]

    def test_is_empty_for_who_wrote_nothing(self, anna):
        assert download(browser(), "jsonl") == ""

    def test_is_written_down_and_not_given_twice_a_minute(self, anna):
        this = browser()
        download(this, "jsonl")
        answer = this.post("/profile/export/csv", follow=True)
        assert (
            "Your last download has only just started. Try again in 1 minute."
            in answer.content.decode()
        )
        assert len(facts("account.exported")) == 1

    @pytest.mark.parametrize("form", ["xlsx", "..", "CSV"])
    def test_knows_two_forms(self, anna, form):
        assert browser().post(f"/profile/export/{form}").status_code == 404


class TestDeletion:
    def test_asks_for_the_username_and_the_password(self, anna):
        this = browser()
        for fields, words in [
            ({"username": "boris", "password": PASSWORD}, "This is not your username."),
            ({"username": "anna", "password": "guess"}, "The password is wrong."),
        ]:
            assert words in this.post("/profile/delete", fields).content.decode()
        anna.refresh_from_db()
        assert anna.deleted_at is None

    def test_does_not_let_a_stolen_session_guess_the_password(self, anna):
        this = browser()
        fields = {"username": "anna", "password": "guess"}
        answers = [this.post("/profile/delete", fields).content.decode() for _ in range(8)]
        assert "Too many wrong passwords." in answers[-1]

    def test_forgets_the_person_and_keeps_the_messages(self, anna):
        boris = people.make_person("boris")
        group = people.make_group(anna, boris)
        direct = people.make_direct(anna, boris)
        message = people.post_text(group, anna, "I was here")
        other, this = browser(), browser()
        answer: Any = this.post("/profile/delete", {"username": "Anna", "password": PASSWORD})
        assert f'data-forget-person="{anna.pk}"' in answer.content.decode()
        anna.refresh_from_db()
        assert (anna.username, anna.name) == (f"deleted-{anna.pk}", "Deleted account")
        assert (anna.email, anna.last_login, anna.is_active) == ("", None, False)
        assert not anna.has_usable_password()
        assert not is_signed_in(other)
        assert not is_signed_in(this)
        assert Message.objects.get(pk=message.pk).content == "I was here"
        assert people.membership(group, boris).role == Membership.Role.OWNER
        assert people.membership(group, anna).left_at
        assert people.membership(direct, boris).left_at is None

    def test_is_written_down_without_the_name(self, anna):
        browser().post("/profile/delete", {"username": "anna", "password": PASSWORD})
        (fact,) = facts("account.deleted")
        assert (fact["targetId"], fact["actorName"]) == (str(anna.pk), "")
        since = OutboxEvent.objects.filter(topic=AUDIT_TOPIC, event_type="sign_in.ended")
        assert not since.filter(payload__contains="Petrova").exists()

    def test_makes_the_username_free_again(self, anna):
        browser().post("/profile/delete", {"username": "anna", "password": PASSWORD})
        answer = Client().post("/sign-up", {"username": "anna", "password": PASSWORD})
        assert answer.status_code == 302

    def test_needs_a_session(self, client):
        assert client.post("/profile/delete").status_code == 302
        assert client.get("/profile/sign-ins").status_code == 302
        assert client.post("/profile/export/csv").status_code == 302
