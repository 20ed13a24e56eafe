"""Usernames that nobody can mix up: at sign-up, in a race, for those from before the rules."""

from __future__ import annotations

import threading
import unicodedata
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import close_old_connections, connection
from django.test import Client

from chat.content.lookalikes import skeleton
from chat.content.names import normal_form
from chat.errors import ChatError, ConflictError
from chat.models import Notification, User
from chat.reads.directory import find_people, list_members
from chat.services.notifications import Said, notify_of_messages
from chat.services.people.account_deletion import delete_account
from chat.services.people.people import change_profile, create_person
from tests.support import people
from tests.support.properties import TestCase, hypothesis
from tests.support.properties import strategies as st

pytestmark = [pytest.mark.django_db, pytest.mark.long(on="services")]
migration = import_module("chat.migrations.0013_usernames_look_different")

PASSWORD = "sunny-road-71"
LOOKS_ALIKE = "looks like this one"


@pytest.fixture(autouse=True)
def nothing_counts() -> Any:
    cache.clear()
    yield
    cache.clear()


def sign_up(username: str, display_name: str = "") -> Any:
    fields = {"username": username, "display_name": display_name, "password": PASSWORD}
    return Client().post("/sign-up", fields)


def from_before(username: str, **fields: Any) -> User:
    """Somebody whose name is older than the rules."""
    person = User(username=username, **fields)
    person.set_password(PASSWORD)
    person.save()
    return person


def signs_in(username: str) -> Any:
    client = Client()
    client.post("/sign-in", {"username": username, "password": PASSWORD})
    return get_user(client)


class TestSignUp:
    def test_keeps_the_normal_form(self) -> None:
        assert sign_up(" Ａndre\u0301 ").status_code == 302
        assert User.objects.get().username == "andré"

    @pytest.mark.parametrize(
        "username", ["ﷺﷺﷺ", "⑴admin", "½x", "anna\u037a", "аnna", ".", "bot-7", "", "\u202e", "İ"]
    )
    def test_says_what_is_wrong_with_a_name_and_makes_nobody(self, username: str) -> None:
        answer = sign_up(username)
        assert answer.status_code == 200
        assert answer.context["form"].errors["username"]
        assert not User.objects.exists()

    @pytest.mark.parametrize(
        ("first", "second"),
        [("anna", "аппа"), ("modern", "modem"), ("alice", "aIice"), ("oleg", "0leg")],
    )
    def test_refuses_what_looks_like_somebody(self, first: str, second: str) -> None:
        create_person(username=first, password=PASSWORD)
        for name in (second, second.upper()):
            assert LOOKS_ALIKE in sign_up(name).content.decode()
        with pytest.raises(ConflictError):
            create_person(username=second, password=PASSWORD)
        assert User.objects.count() == 1

    @pytest.mark.parametrize("name", ["Anna", "ANNA", "ａｎｎａ"])
    def test_says_that_a_name_is_taken_in_whatever_form(self, name: str) -> None:
        create_person(username="anna", password=PASSWORD)
        assert "is taken" in sign_up(name).content.decode()

    @pytest.mark.parametrize("name", ["admin", "Модератор", "adrnin", "all", "Deleted account"])
    def test_gives_nobody_a_word_of_the_chat_itself(self, name: str) -> None:
        username = name.replace(" ", "")
        assert "name is reserved" in sign_up(username).content.decode()
        answer = sign_up("carol", display_name=name)
        assert answer.context["form"].errors["display_name"]
        assert not User.objects.exists()

    def test_takes_whoever_is_called_like_somebody_else(self) -> None:
        assert sign_up("anna", "Анна Петрова").status_code == 302
        assert sign_up("boris", "Анна Петрова").status_code == 302

    def test_is_told_who_was_first_when_two_come_at_once(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(type(User.objects), "check_free", lambda self, name: None)
        for first, second in (("anna", "anna"), ("boris", "boriſ"), ("modern", "modem")):
            create_person(username=first, password=PASSWORD)
            answer = sign_up(second)
            assert answer.status_code == 200
            assert "is taken" in answer.content.decode()
        assert User.objects.count() == 3


@pytest.mark.django_db(transaction=True)
class TestARace:
    def test_of_names_that_look_alike_has_one_winner(self) -> None:
        start, answers = threading.Barrier(4), []

        def come(name: str) -> None:
            start.wait()
            try:
                create_person(username=name, password=PASSWORD)
                answers.append("made")
            except ConflictError:
                answers.append("refused")
            finally:
                connection.close()

        names = ("modern", "modem", "m0dern", "Modern")
        threads = [threading.Thread(target=come, args=[name]) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        close_old_connections()
        assert sorted(answers) == ["made", "refused", "refused", "refused"]
        assert User.objects.count() == 1


class TestAnyNames(TestCase):
    """Whatever is typed: words or a person, never a failure, never two who look alike."""

    LETTERS = st.one_of(
        st.characters(codec="utf-8"), st.sampled_from("aаAàoо0OlI1iіrnmмvwπп.-_@ ﷺﬁ½ͺー一")
    )

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(names=st.lists(st.text(LETTERS, max_size=8), min_size=2, max_size=4))
    def test_through_the_form(self, names: list[str]) -> None:
        cache.clear()
        for name in names:
            assert sign_up(name, display_name=name).status_code in {200, 302}
        self.check_stored()

    @hypothesis.settings(max_examples=100, deadline=None)
    @hypothesis.given(names=st.lists(st.text(LETTERS, max_size=8), min_size=2, max_size=4))
    def test_through_the_service(self, names: list[str]) -> None:
        for name in names:
            try:
                create_person(username=name, password=PASSWORD, display_name=name)
            except ChatError:
                continue
        self.check_stored()

    def check_stored(self) -> None:
        stored = list(User.objects.all())
        for person in stored:
            assert person.username == normal_form(person.username)
            assert person.display_name == unicodedata.normalize("NFC", person.display_name)
            assert person.username_skeleton == skeleton(person.username)
        assert len({person.username_skeleton for person in stored}) == len(stored)


class TestSignIn:
    @pytest.mark.parametrize("typed", ["андрей", "АНДРЕЙ", "Андреи\u0306", " андрей "])
    def test_takes_a_name_in_any_case_and_form(self, typed: str) -> None:
        andrei = create_person(username="андрей", password=PASSWORD)
        assert signs_in(typed) == andrei

    @pytest.mark.parametrize(
        "username", ["Anna", "Анна", "_anna", ".", "аnna", "all", "admin", "bot-7", "anna--x", "İ"]
    )
    def test_takes_names_from_before_the_rules(self, username: str) -> None:
        person = from_before(username)
        assert signs_in(username) == person

    @pytest.mark.embedded
    def test_knows_two_from_before_whose_names_differ_in_case_alone(self) -> None:
        """SQLite knows the case of ASCII alone, as PostgreSQL does with some locales."""
        small = from_before("анна")
        capital = User(username="Анна", password=small.password)
        User.objects.bulk_create([capital])
        assert {signs_in("анна").pk, signs_in("Анна").pk} == {small.pk, capital.pk}

    def test_counts_guesses_at_a_name_in_other_forms_alike(self) -> None:
        create_person(username="андрей", password=PASSWORD)
        client = Client()
        for number in range(6):
            typed = ["андрей", "Андреи\u0306", "АНДРЕЙ"][number % 3]
            client.post("/sign-in", {"username": typed, "password": "guess"})
        answer = client.post("/sign-in", {"username": "андрей", "password": PASSWORD})
        assert answer.status_code == 429


class TestStaff:
    def test_may_be_called_admin(self) -> None:
        call_command("createsuperuser", "--noinput", username="Admin", email="")
        assert User.objects.get().username == "admin"
        assert "name is reserved" in sign_up("adrnin").content.decode()

    @pytest.mark.parametrize("username", ["аdmin", "ad min", "bot-1", "anna"])
    def test_are_told_in_words_at_the_shell(self, username: str) -> None:
        create_person(username="anna", password=PASSWORD)
        with pytest.raises(CommandError):
            call_command("createsuperuser", "--noinput", username=username, email="")
        with pytest.raises(ValidationError):
            User.objects.create_user(username, password=PASSWORD)

    def test_may_speak_for_the_chat(self) -> None:
        ann = people.make_person("ann", is_staff=True)
        change_profile(user=ann, display_name="Moderator")
        assert ann.name == "Moderator"


class TestAProfile:
    def test_keeps_a_name_from_before_the_rules(self) -> None:
        ann = people.make_person("ann", display_name="Admin\u200b")
        answer = people.browser_of(ann).post("/profile", {"display_name": ann.name})
        assert answer.status_code == 302
        with pytest.raises(ChatError):
            change_profile(user=ann, display_name="Аdmin")


class TestDeletedAccounts:
    def test_go_also_where_somebody_has_taken_their_name(self) -> None:
        ann = people.make_person("ann")
        squatter = from_before(f"Deleted-{ann.pk}")
        delete_account(ann)
        ann.refresh_from_db()
        assert ann.username.startswith(f"deleted-{ann.pk}-")
        assert ann.username != squatter.username

    def test_leave_their_name_to_others(self) -> None:
        delete_account(create_person(username="anna", password=PASSWORD))
        assert create_person(username="anna", password=PASSWORD).username_skeleton == "anna"


class TestNamesOfThoseWhoWereThereBefore:
    def run(self) -> None:
        migration.note_skeletons(apps, SimpleNamespace(connection=connection))

    @pytest.fixture
    def crowd(self, monkeypatch: Any) -> dict[str, User]:
        monkeypatch.setattr(migration, "AT_ONCE", 3)
        names = ["anna", "Boris", "аnna", "аппа", "bоris", "all", "_x", "ANNA2", "modern", "modem"]
        crowd = {name: from_before(name, username_skeleton=None, is_bot=True) for name in names}
        User.objects.update(is_bot=False)
        crowd["bot-1"] = people.make_person("bot", is_bot=True)
        return crowd

    def test_stay_and_whoever_came_first_keeps_the_look(self, crowd: dict[str, User]) -> None:
        self.run()
        after = dict(User.objects.values_list("username", "username_skeleton"))
        assert after.keys() == {person.username for person in crowd.values()}
        without = {"аnna", "аппа", "bоris", "modem", crowd["bot-1"].username}
        assert {name for name, shape in after.items() if shape is None} == without
        assert signs_in("аnna") == crowd["аnna"]

    def test_are_noted_once_however_often_it_is_begun(self, crowd: dict[str, User]) -> None:
        self.run()
        once = list(User.objects.order_by("pk").values_list("username_skeleton", flat=True))
        self.run()
        assert list(User.objects.order_by("pk").values_list("username_skeleton", flat=True)) == once

    def test_give_way_to_whoever_signs_up_meanwhile(self, crowd: dict[str, User]) -> None:
        create_person(username="anna.k", password=PASSWORD)
        person = crowd["anna"]
        person.username_skeleton = skeleton("anna.k")
        migration.note_one(User.objects.all(), person)
        person.refresh_from_db()
        assert person.username_skeleton is None


class TestMentionsAndSearch:
    @pytest.mark.parametrize("typed", ["андрей", "Андреи\u0306", "АНДРЕЙ"])
    def test_find_a_name_in_whatever_form_it_is_typed(self, typed: str) -> None:
        ann = people.make_person("ann")
        andrei = create_person(username="андрей", password=PASSWORD)
        chat = people.make_group(ann, andrei)
        message = people.post_text(chat, ann, f"Hello @{typed}!")
        said = Said(message.client_message_id, message.pk, chat.pk, message.content)
        notify_of_messages([said])
        assert Notification.objects.get().user == andrei
        assert [found["id"] for found in find_people(ann, typed)] == [andrei.pk]
        assert [found["id"] for found in find_people(ann, f"@{typed}")] == [andrei.pk]
        members = list_members(chat.pk, typed, 0)["members"]
        assert [member["user"]["id"] for member in members] == [andrei.pk]
