"""Edits, deletes and reactions: who may, what is kept, and that nothing changes for nothing."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from chat import migrations
from chat.errors import (
    BadTextError,
    ConflictError,
    EmptyTextError,
    ForbiddenError,
    NotFoundError,
    TooLongError,
)
from chat.limits.table import REACTIONS_OF_MESSAGE
from chat.models import Chat, MessageEdit, Reaction
from chat.reads.history import changes_after
from chat.services.chats import chats
from chat.services.messages import delete_message, edit_message, set_reaction
from tests.support.people import (
    ban,
    everything_stored,
    make_direct,
    make_person,
    message_events,
    post,
    post_text,
    remove,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(chat, bob):
    return post_text(chat, bob, "original")


def revision_of(chat: Chat) -> int:
    return Chat.objects.get(pk=chat.pk).revision


def events() -> list[dict]:
    return [json.loads(row.payload) for row in message_events()]


CHANGES = {
    "edit": lambda actor, pk: edit_message(actor=actor, message_id=pk, content="changed"),
    "delete": lambda actor, pk: delete_message(actor=actor, message_id=pk),
    "react": lambda actor, pk: set_reaction(actor=actor, message_id=pk, emoji="👍", on=True),
    "unreact": lambda actor, pk: set_reaction(actor=actor, message_id=pk, emoji="👍", on=False),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
class TestWhoIsNotInTheChat:
    def refuse(self, change, actor, message_id):
        before = everything_stored()
        with pytest.raises(NotFoundError) as caught:
            change(actor, message_id)
        assert everything_stored() == before
        return str(caught.value)

    def test_is_told_what_is_told_of_a_message_that_does_not_exist(self, change, message):
        eve = make_person("eve")
        assert self.refuse(change, eve, message.pk) == self.refuse(change, eve, message.pk + 10**6)

    def test_includes_who_was_removed(self, change, chat, bob, message):
        remove(chat, bob)
        self.refuse(change, bob, message.pk)

    def test_includes_who_left(self, change, chat, bob, message):
        chats.leave_chat(user=bob, chat_id=chat.pk)
        self.refuse(change, bob, message.pk)

    def test_includes_who_was_banned(self, change, bob, message):
        ban(bob)
        self.refuse(change, bob, message.pk)


class TestEdit:
    def test_changes_the_words_and_keeps_the_earlier_ones(self, chat, bob, message):
        revision = edit_message(actor=bob, message_id=message.pk, content="better")
        message.refresh_from_db()
        assert (message.content, message.seq, message.revision) == ("better", 1, 2)
        assert message.edited_at is not None
        assert revision == revision_of(chat) == 2
        assert [edit.content for edit in message.edits.all()] == ["original"]
        assert (events()[-1]["action"], events()[-1]["content"]) == ("edited", "better")

    def test_takes_a_revision_each_time(self, chat, bob, message):
        post(chat, bob)
        revisions = [
            edit_message(actor=bob, message_id=message.pk, content=f"{n}") for n in range(3)
        ]
        assert revisions == [3, 4, 5]
        edits = MessageEdit.objects.filter(message=message).order_by("pk")
        assert [edit.content for edit in edits] == ["original", "0", "1"]

    def test_to_the_same_words_changes_nothing(self, bob, message):
        before = everything_stored()
        assert edit_message(actor=bob, message_id=message.pk, content="original") == 1
        assert everything_stored() == before

    def test_is_the_senders_own_right(self, ann, message):
        before = everything_stored()
        with pytest.raises(ForbiddenError):
            edit_message(actor=ann, message_id=message.pk, content="hers")
        assert everything_stored() == before

    @pytest.mark.parametrize(
        ("content", "error"),
        [("", EmptyTextError), ("a\0", BadTextError), ("x" * 4001, TooLongError)],
    )
    def test_obeys_the_rules_of_text(self, bob, message, content, error):
        with pytest.raises(error):
            edit_message(actor=bob, message_id=message.pk, content=content)

    def test_is_not_for_a_deleted_message(self, bob, message):
        delete_message(actor=bob, message_id=message.pk)
        before = everything_stored()
        with pytest.raises(ConflictError):
            edit_message(actor=bob, message_id=message.pk, content="back")
        assert everything_stored() == before


class TestDelete:
    def test_takes_the_words_away_for_good(self, chat, ann, bob, message):
        edit_message(actor=bob, message_id=message.pk, content="secret, better")
        set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=True)
        revision = delete_message(actor=bob, message_id=message.pk)
        message.refresh_from_db()
        assert (message.content, message.seq, message.is_deleted) == ("", 1, True)
        assert revision == revision_of(chat) == message.revision == 4
        assert not MessageEdit.objects.exists()
        assert not Reaction.objects.exists()
        assert (events()[-1]["action"], events()[-1]["content"]) == ("deleted", "")

    def test_done_twice_is_done_once(self, bob, message):
        first = delete_message(actor=bob, message_id=message.pk)
        before = everything_stored()
        assert delete_message(actor=bob, message_id=message.pk) == first
        assert everything_stored() == before

    @pytest.mark.parametrize("role", ["owner", "admin"])
    def test_is_the_right_of_those_who_manage(self, chat, ann, bob, role):
        actor = ann
        if role == "admin":
            actor = make_person("admin")
            chats.add_member(actor=ann, chat_id=chat.pk, user_id=actor.pk)
            chats.set_role(actor=ann, chat_id=chat.pk, user_id=actor.pk, role="admin")
        given = post(chat, bob)
        assert delete_message(actor=actor, message_id=given.message_id) == given.revision + 1

    def test_is_not_the_right_of_another_member(self, chat, ann, bob):
        given = post(chat, ann)
        with pytest.raises(ForbiddenError):
            delete_message(actor=bob, message_id=given.message_id)

    def test_is_not_the_right_of_the_other_in_a_direct_chat(self, ann, bob):
        given = post(make_direct(ann, bob), bob)
        with pytest.raises(ForbiddenError):
            delete_message(actor=ann, message_id=given.message_id)

    def test_leaves_no_hole(self, chat, bob, message):
        delete_message(actor=bob, message_id=message.pk)
        assert (post(chat, bob).seq, revision_of(chat)) == (2, 3)

    def test_takes_the_words_out_of_a_quotation(self, chat, ann, bob, message):
        post(chat, ann, "reply", reply_to_id=message.pk)
        delete_message(actor=bob, message_id=message.pk)
        (_, reply) = sorted(changes_after(chat.pk, 0)["changes"], key=lambda c: c["message"]["seq"])
        assert reply["message"]["reply_to"]["content"] == ""
        assert reply["message"]["reply_to"]["deleted"] is True


class TestReaction:
    def test_takes_a_revision_when_it_changes_something(self, chat, ann, message):
        on = set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=True)
        again = set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=True)
        off = set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=False)
        off_again = set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=False)
        assert (on, again, off, off_again) == (2, 2, 3, 3)
        assert revision_of(chat) == 3

    def test_is_told_with_who_and_what(self, chat, ann, bob, message):
        for who, emoji in ((ann, "👍"), (bob, "👍"), (bob, "❤️")):
            set_reaction(actor=who, message_id=message.pk, emoji=emoji, on=True)
        (change,) = changes_after(chat.pk, 1)["changes"]
        assert change["revision"] == 4
        assert change["message"]["reactions"] == [
            {"emoji": "👍", "user_ids": [ann.pk, bob.pk]},
            {"emoji": "❤️", "user_ids": [bob.pk]},
        ]

    def test_is_not_an_event_of_the_topic(self, ann, message):
        before = len(events())
        set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=True)
        assert len(events()) == before

    def test_takes_away_only_ones_own(self, ann, bob, message):
        set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=True)
        assert set_reaction(actor=bob, message_id=message.pk, emoji="👍", on=False) == 2
        assert Reaction.objects.get().user == ann

    def test_has_so_many_kinds_and_no_more(self, ann, bob, message):
        for n in range(REACTIONS_OF_MESSAGE.amount):
            set_reaction(actor=ann, message_id=message.pk, emoji=chr(0x1F600 + n), on=True)
        before = everything_stored()
        with pytest.raises(ConflictError):
            set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=True)
        assert everything_stored() == before
        # Joining one of them is always possible.
        set_reaction(actor=bob, message_id=message.pk, emoji=chr(0x1F600), on=True)

    def test_is_not_for_a_deleted_message(self, ann, bob, message):
        delete_message(actor=bob, message_id=message.pk)
        with pytest.raises(ConflictError):
            set_reaction(actor=ann, message_id=message.pk, emoji="👍", on=True)

    @pytest.mark.parametrize("on", [True, False])
    @pytest.mark.parametrize("emoji", ["", "ok", "дурак", "👍" * 20, "\0", "\ud83d", "<b>"])
    def test_is_an_emoji(self, ann, message, emoji, on):
        before = everything_stored()
        with pytest.raises(BadTextError):
            set_reaction(actor=ann, message_id=message.pk, emoji=emoji, on=on)
        assert everything_stored() == before

    def test_is_one_with_and_without_its_selector(self, ann, message):
        plain, full = "\u2764", "\u2764\ufe0f"
        for emoji in (plain, full):
            assert set_reaction(actor=ann, message_id=message.pk, emoji=emoji, on=True) == 2
        assert Reaction.objects.get().emoji == full
        set_reaction(actor=ann, message_id=message.pk, emoji=plain, on=False)
        assert not Reaction.objects.exists()

    @pytest.mark.parametrize(
        ("kept", "given"), [("дурак", "дурак"), ("\u2764", "\u2764\ufe0f"), ("\u2764", "\u2764")]
    )
    def test_that_was_kept_otherwise_is_shown_and_can_be_taken_back(
        self, ann, chat, message, kept, given
    ):
        Reaction.objects.create(message=message, user=ann, emoji=kept)
        (change,) = changes_after(chat.pk, 0)["changes"]
        assert change["message"]["reactions"] == [{"emoji": kept, "user_ids": [ann.pk]}]
        assert set_reaction(actor=ann, message_id=message.pk, emoji=given, on=False) == 2
        assert not Reaction.objects.exists()


class TestReactionsOfBefore:
    def test_become_one_spelling_and_one_row(self, ann, bob, message):
        plain, full = "\u2764", "\u2764\ufe0f"
        for person, emoji in ((ann, plain), (ann, full), (bob, plain), (bob, "дурак"), (bob, "👍")):
            Reaction.objects.create(message=message, user=person, emoji=emoji)
        (file,) = Path(migrations.__file__ or "").parent.glob("*_reactions_in_one_spelling.py")
        migration = import_module(f"chat.migrations.{file.stem}")
        for _ in range(2):
            migration.spell_reactions(apps, SimpleNamespace(connection=connection))
            kept = Reaction.objects.order_by("user", "emoji").values_list("user", "emoji")
            expected = [(ann.pk, full), (bob.pk, full), (bob.pk, "дурак"), (bob.pk, "👍")]
            assert sorted(kept) == sorted(expected)
