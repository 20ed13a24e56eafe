"""Finding people and chats by what they are called."""

from __future__ import annotations

import unicodedata
from importlib import import_module
from types import SimpleNamespace
from typing import Literal

import pytest
from django.apps import apps
from django.db import connection

from chat import migrations
from chat.models import Chat, User
from chat.reads.directory import find_people, find_public_chats, list_members, names_of_members
from chat.services.chats.chats import join_chat
from chat.services.people.account_deletion import delete_account
from chat.webhooks.incoming import create_incoming_webhook
from tests.support import people

pytestmark = pytest.mark.django_db

Form = Literal["NFC", "NFD"]


@pytest.fixture
def ann() -> User:
    return people.make_person("ann")


class TestFindingPeople:
    @pytest.mark.parametrize("words", ["борис", "БОРИС", "Борис", "бор", "ива", "boris"])
    def test_takes_names_in_any_case_in_any_alphabet(self, ann: User, words: str) -> None:
        boris = people.make_person("boris", display_name="Борис Иванов")
        assert [found["id"] for found in find_people(ann, words)] == [boris.pk]

    @pytest.mark.parametrize("words", ["%", "_", "\\", "100%"])
    def test_takes_signs_of_patterns_as_they_stand(self, ann: User, words: str) -> None:
        people.make_person("boris")
        assert find_people(ann, words) == []

    def test_leaves_out_oneself_and_those_who_are_gone(self, ann: User) -> None:
        people.ban(people.make_person("annabel"))
        assert find_people(ann, "ann") == []

    def test_begins_with_those_whose_username_begins_so(self, ann: User) -> None:
        joanna, annika = people.make_person("joanna"), people.make_person("annika")
        assert [found["id"] for found in find_people(ann, "ann")] == [annika.pk, joanna.pk]


class TestFindingChats:
    def test_takes_titles_in_any_case_and_public_ones_alone(self, ann: User) -> None:
        chat = people.make_public(ann, title="Общий чат")
        people.make_group(ann, title="Общий секрет")
        found = find_public_chats(people.make_person("bob"), "общий", 0)["chats"]
        assert found == [{"id": chat.pk, "title": "Общий чат", "member_count": 1, "joined": False}]


class TestListingMembers:
    def test_finds_among_them_in_any_case(self, ann: User) -> None:
        boris = people.make_person("boris", display_name="Борис")
        chat = people.make_group(ann, boris)
        found = list_members(chat.pk, "БОРИС", 0)["members"]
        assert [member["user"]["id"] for member in found] == [boris.pk]


class TestNamesInMessages:
    def test_are_those_of_people_in_the_chat(self, ann: User) -> None:
        boris, gone, stranger = people.make_people("boris", "gone", "stranger")
        chat = people.make_group(ann, boris, gone)
        people.leave(chat, gone)
        everybody = {who.username for who in (ann, boris, gone, stranger)} | {"nobody-77"}
        assert names_of_members(chat.pk, everybody) == sorted([ann.username, boris.username])

    def test_are_asked_for_in_any_case_and_form(self, ann: User) -> None:
        chat = people.make_group(ann, people.make_person("йозеф"))
        name = User.objects.get(username__startswith="йозеф").username
        asked = unicodedata.normalize("NFD", f"{name.upper()} nobody-77")
        answer = people.browser_of(ann).get(f"/api/chats/{chat.pk}/named", {"names": asked})
        assert answer.json() == {"usernames": [name]}


class TestTitles:
    @pytest.mark.parametrize("kept", ["NFC", "NFD"])
    @pytest.mark.parametrize("typed", ["NFC", "NFD"])
    def test_are_found_in_every_form_of_unicode(self, ann: User, kept: Form, typed: Form) -> None:
        people.make_public(ann, title=unicodedata.normalize(kept, "Йога"))
        found = find_public_chats(ann, unicodedata.normalize(typed, "йога"), 0)["chats"]
        assert len(found) == 1


class TestTheLargestPublicChats:
    def test_come_first(self, ann: User) -> None:
        bob, carl, dora = people.make_people("bob", "carl", "dora")
        small, large, middle = (
            people.make_public(ann, *others, title=f"Garden {len(others)}")
            for others in ((), (bob, carl, dora), (bob,))
        )
        join_chat(user=carl, chat_id=middle.pk)
        people.leave(large, dora)
        people.leave(large, carl)
        found = find_public_chats(ann, "garden", 0)["chats"]
        assert [(chat["id"], chat["member_count"]) for chat in found] == [
            (middle.pk, 3), (large.pk, 2), (small.pk, 1),
        ]  # fmt: skip

    def test_are_known_by_those_who_are_in_them_now(self, ann: User) -> None:
        bob, carl, dora = people.make_people("bob", "carl", "dora")
        chat = people.make_public(ann, bob, carl)
        people.remove(chat, bob)
        delete_account(carl)
        join_chat(user=dora, chat_id=chat.pk)
        people.leave(chat, dora)
        join_chat(user=dora, chat_id=chat.pk)
        chat.refresh_from_db()
        assert chat.member_count == 2

    def test_of_before_chats_were_counted_are_counted_by_the_migration(self, ann: User) -> None:
        bob, carl = people.make_people("bob", "carl")
        large, empty = people.make_public(ann, bob, carl), people.make_public(ann)
        people.leave(large, carl)
        people.leave(empty, ann)
        create_incoming_webhook(actor=ann, chat_id=large.pk, name="Builds")
        Chat.objects.update(member_count=9)
        migration = import_module(f"{migrations.__name__}.0024_public_chats_by_members")
        migration.count_members(apps, SimpleNamespace(connection=connection))
        counts = dict(Chat.objects.values_list("pk", "member_count"))
        assert counts == {large.pk: 2, empty.pk: 0}
