"""Making chats, finding the way in, roles, and leaving."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from chat.errors import (
    BadRequestError,
    BadTextError,
    ChatError,
    ConflictError,
    EmptyTextError,
    ForbiddenError,
    NotFoundError,
    TooLongError,
)
from chat.models import Chat, Membership
from chat.reads.summaries import chat_summaries, chat_summary
from chat.services.chats import chats
from chat.wire.payloads import timestamp
from tests.support.people import (
    ban,
    everything_stored,
    make_direct,
    make_group,
    make_people,
    make_person,
    make_public,
    membership,
    post,
    remove,
)
from tests.support.processes import PATIENCE


def roles(chat: Chat) -> dict[str, str]:
    active = Membership.objects.active().filter(chat=chat).select_related("user")
    return {m.user.username.split("-")[0]: m.role for m in active}


def refused(error, function, **arguments):
    before = everything_stored()
    with pytest.raises(error) as caught:
        function(**arguments)
    assert everything_stored() == before
    return str(caught.value)


@pytest.fixture
def ann():
    return make_person("ann")


@pytest.fixture
def bob():
    return make_person("bob")


@pytest.fixture
def eve():
    return make_person("eve")


@pytest.mark.django_db
class TestMake:
    @pytest.mark.parametrize("kind", ["group", "public"])
    def test_gives_the_maker_the_chat(self, ann, bob, kind):
        chat = chats.create_chat(owner=ann, kind=kind, title="  Our  chat ", members=[bob, ann])
        assert (chat.title, chat.kind, chat.created_by) == ("Our chat", kind, ann)
        assert roles(chat) == {"ann": "owner", "bob": "member"}

    @pytest.mark.parametrize("kind", ["direct", "", "GROUP", "secret", "\0"])
    def test_of_another_kind_is_refused(self, ann, kind):
        refused(BadRequestError, chats.create_chat, owner=ann, kind=kind, title="x")

    @pytest.mark.parametrize(
        ("title", "error"),
        [
            ("", EmptyTextError),
            ("\u200b", EmptyTextError),
            ("x" * 81, TooLongError),
            ("a\0b", BadTextError),
            ("a\x1bb", BadTextError),
        ],
    )
    def test_needs_a_title(self, ann, title, error):
        refused(error, chats.create_chat, owner=ann, kind="group", title=title)

    def test_keeps_markup_as_text(self, ann):
        assert make_group(ann, title="<b>'\"&").title == "<b>'\"&"


@pytest.mark.django_db
class TestDirectChat:
    def test_is_one_for_two_people(self, ann, bob):
        one, two = make_direct(ann, bob), make_direct(bob, ann)
        assert one == two
        assert roles(one) == {"ann": "member", "bob": "member"}

    def test_is_called_by_the_other_ones_name(self, ann, bob):
        bob.display_name = "Боб"
        bob.save()
        chat = make_direct(ann, bob)
        assert chat_summary(ann, chat.pk)["title"] == "Боб"
        assert chat_summary(ann, chat.pk)["peer"]["id"] == bob.pk
        assert chat_summary(bob, chat.pk)["title"] == ann.username

    def test_is_not_with_oneself_nobody_or_a_banned_person(self, ann, bob):
        ban(bob)
        said = {
            refused(NotFoundError, chats.open_direct_chat, user=ann, other_id=other)
            for other in (ann.pk, 10**12, bob.pk)
        }
        assert len(said) == 1

    def test_cannot_be_left(self, ann, bob):
        chat = make_direct(ann, bob)
        refused(ConflictError, chats.leave_chat, user=ann, chat_id=chat.pk)

    def test_cannot_be_managed(self, ann, bob, eve):
        chat = make_direct(ann, bob)
        for function, more in (
            (chats.rename_chat, {"title": "ours"}),
            (chats.add_member, {"user_id": eve.pk}),
            (chats.remove_member, {"user_id": bob.pk}),
            (chats.let_back, {"user_id": bob.pk}),
            (chats.set_role, {"user_id": bob.pk, "role": "admin"}),
        ):
            refused(ForbiddenError, function, actor=ann, chat_id=chat.pk, **more)

    def test_cannot_be_joined(self, ann, bob, eve):
        chat = make_direct(ann, bob)
        refused(NotFoundError, chats.join_chat, user=eve, chat_id=chat.pk)


@pytest.mark.django_db(transaction=True)
class TestDirectChatAskedForByBothAtOnce:
    def test_is_one(self, ann, bob):
        start, found, failed = threading.Barrier(2), [], []

        def ask(one, other):
            try:
                start.wait(timeout=10 * PATIENCE)
                found.append(chats.open_direct_chat(user=one, other_id=other.pk).pk)
            except (ChatError, DatabaseError) as error:
                failed.append(error)
            finally:
                connection.close()

        for _ in range(3):
            threads = [threading.Thread(target=ask, args=pair) for pair in ((ann, bob), (bob, ann))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert failed == []
            assert len(set(found)) == 1
            assert Membership.objects.filter(chat_id=found[0]).count() == 2
            Chat.objects.all().delete()
            found.clear()

    def test_survives_the_other_one_being_first_after_the_look(self, ann, bob, monkeypatch):
        """The row appears between looking for it and making it."""
        made: list[Chat] = []
        make = chats._create_direct_chat

        def be_late(key, user, other):
            if not made:
                made.append(make(key, other, user))
            return make(key, user, other)

        monkeypatch.setattr(chats, "_create_direct_chat", be_late)
        assert chats.open_direct_chat(user=ann, other_id=bob.pk) == made[0]
        assert Chat.objects.count() == 1


@pytest.mark.django_db
class TestJoin:
    def test_lets_anyone_into_a_public_chat(self, ann, bob):
        chat = make_public(ann)
        chats.join_chat(user=bob, chat_id=chat.pk)
        assert roles(chat) == {"ann": "owner", "bob": "member"}

    def test_twice_is_once(self, ann, bob):
        chat = make_public(ann)
        chats.join_chat(user=bob, chat_id=chat.pk)
        before = everything_stored()
        chats.join_chat(user=bob, chat_id=chat.pk)
        chats.join_chat(user=ann, chat_id=chat.pk)
        assert everything_stored() == before

    def test_does_not_open_a_group(self, ann, eve):
        group = make_group(ann)
        said = refused(NotFoundError, chats.join_chat, user=eve, chat_id=group.pk)
        assert said == refused(NotFoundError, chats.join_chat, user=eve, chat_id=10**12)

    def test_again_brings_no_old_rights_back(self, ann, bob):
        chat = make_public(ann, bob)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        chats.leave_chat(user=bob, chat_id=chat.pk)
        chats.join_chat(user=bob, chat_id=chat.pk)
        assert roles(chat)["bob"] == "member"

    def test_is_not_for_a_banned_person(self, ann, bob):
        chat = make_public(ann)
        ban(bob)
        refused(NotFoundError, chats.join_chat, user=bob, chat_id=chat.pk)

    def test_does_not_make_the_past_unread(self, ann, bob):
        chat = make_public(ann)
        for _ in range(3):
            post(chat, ann)
        chats.join_chat(user=bob, chat_id=chat.pk)
        assert chat_summary(bob, chat.pk)["unread"] == 0
        post(chat, ann)
        assert chat_summary(bob, chat.pk)["unread"] == 1

    def test_of_an_empty_chat_makes_its_owner(self, ann, bob):
        chat = make_public(ann)
        chats.leave_chat(user=ann, chat_id=chat.pk)
        chats.join_chat(user=bob, chat_id=chat.pk)
        assert roles(chat) == {"bob": "owner"}


@pytest.mark.django_db
class TestMembers:
    def test_are_added_by_those_who_manage(self, ann, bob, eve):
        chat = make_group(ann, bob)
        refused(ForbiddenError, chats.add_member, actor=bob, chat_id=chat.pk, user_id=eve.pk)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        chats.add_member(actor=bob, chat_id=chat.pk, user_id=eve.pk)
        assert roles(chat) == {"ann": "owner", "bob": "admin", "eve": "member"}

    def test_are_not_added_by_strangers(self, ann, eve):
        chat = make_group(ann)
        said = refused(NotFoundError, chats.add_member, actor=eve, chat_id=chat.pk, user_id=eve.pk)
        assert said == refused(
            NotFoundError, chats.add_member, actor=eve, chat_id=10**12, user_id=eve.pk
        )

    def test_are_people_who_are_there(self, ann, bob):
        chat = make_group(ann)
        ban(bob)
        for user_id in (bob.pk, 10**12):
            refused(NotFoundError, chats.add_member, actor=ann, chat_id=chat.pk, user_id=user_id)

    def test_added_twice_keep_their_role(self, ann, bob):
        chat = make_group(ann, bob)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=bob.pk)
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=ann.pk)
        assert roles(chat) == {"ann": "owner", "bob": "admin"}

    def test_of_a_group_are_not_endless(self, ann, bob, settings):
        settings.LIMIT_MEMBERS_PER_GROUP = 1
        chat = make_group(ann)
        refused(ConflictError, chats.add_member, actor=ann, chat_id=chat.pk, user_id=bob.pk)


@pytest.mark.django_db
class TestRemove:
    @pytest.fixture
    def chat(self, ann, bob, eve):
        """Ann owns it, bob is an admin, eve and dan are members."""
        chat = make_group(ann, bob, eve, make_person("dan"))
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        return chat

    def test_is_the_owners_right_over_anyone(self, chat, ann, bob, eve):
        for user in (bob, eve):
            chats.remove_member(actor=ann, chat_id=chat.pk, user_id=user.pk)
        assert roles(chat) == {"ann": "owner", "dan": "member"}

    def test_is_an_admins_right_over_members_only(self, chat, ann, bob, eve):
        chats.remove_member(actor=bob, chat_id=chat.pk, user_id=eve.pk)
        for user in (ann, bob):
            refused(
                ForbiddenError, chats.remove_member, actor=bob, chat_id=chat.pk, user_id=user.pk
            )

    def test_is_not_a_members_right(self, chat, ann, eve):
        refused(ForbiddenError, chats.remove_member, actor=eve, chat_id=chat.pk, user_id=ann.pk)

    def test_does_not_reach_the_owner(self, chat, ann):
        refused(ForbiddenError, chats.remove_member, actor=ann, chat_id=chat.pk, user_id=ann.pk)

    def test_finds_nobody_who_is_not_in_it(self, chat, ann, eve):
        remove(chat, eve)
        for user_id in (eve.pk, 10**12):
            refused(NotFoundError, chats.remove_member, actor=ann, chat_id=chat.pk, user_id=user_id)

    def test_takes_the_chat_out_of_the_persons_list(self, chat, eve):
        remove(chat, eve)
        assert chat_summaries(eve) == []
        with pytest.raises(NotFoundError):
            chat_summary(eve, chat.pk)


@pytest.mark.django_db
class TestRole:
    def test_is_given_and_taken_by_the_owner(self, ann, bob):
        chat = make_group(ann, bob)
        for role in ("admin", "admin", "member"):
            chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role=role)
            assert roles(chat)["bob"] == role

    @pytest.mark.parametrize("role", ["", "king", "ADMIN", "\0"])
    def test_is_one_of_three(self, ann, bob, role):
        chat = make_group(ann, bob)
        refused(
            BadRequestError,
            chats.set_role,
            actor=ann,
            chat_id=chat.pk,
            user_id=bob.pk,
            role=role,
        )

    def test_is_nobody_elses_to_give(self, ann, bob, eve):
        chat = make_group(ann, bob, eve)
        arguments = {"chat_id": chat.pk, "user_id": eve.pk, "role": "admin"}
        refused(ForbiddenError, chats.set_role, actor=bob, **arguments)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=bob.pk, role="admin")
        refused(ForbiddenError, chats.set_role, actor=bob, **arguments)
        refused(NotFoundError, chats.set_role, actor=make_person("dan"), **arguments)

    def test_of_the_owner_stays(self, ann, bob):
        chat = make_group(ann, bob)
        refused(
            ForbiddenError,
            chats.set_role,
            actor=ann,
            chat_id=chat.pk,
            user_id=ann.pk,
            role="member",
        )


@pytest.mark.django_db
class TestLeave:
    def test_passes_ownership_to_an_admin_first(self, ann, bob, eve):
        chat = make_group(ann, bob, eve)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=eve.pk, role="admin")
        chats.leave_chat(user=ann, chat_id=chat.pk)
        assert roles(chat) == {"bob": "member", "eve": "owner"}

    def test_passes_ownership_to_who_was_there_longest(self, ann, bob, eve):
        chat = make_group(ann)
        for user in (eve, bob):
            chats.add_member(actor=ann, chat_id=chat.pk, user_id=user.pk)
        chats.leave_chat(user=ann, chat_id=chat.pk)
        assert roles(chat) == {"bob": "member", "eve": "owner"}

    def test_by_the_last_one_keeps_what_was_written(self, ann):
        chat = make_group(ann)
        post(chat, ann)
        chats.leave_chat(user=ann, chat_id=chat.pk)
        assert roles(chat) == {}
        assert chat.messages.count() == 1

    def test_twice_is_refused(self, ann, bob):
        chat = make_group(ann, bob)
        chats.leave_chat(user=bob, chat_id=chat.pk)
        refused(NotFoundError, chats.leave_chat, user=bob, chat_id=chat.pk)

    def test_does_not_pass_ownership_to_a_banned_person(self, ann, bob, eve):
        chat = make_group(ann)
        for user in (bob, eve):
            chats.add_member(actor=ann, chat_id=chat.pk, user_id=user.pk)
        ban(bob)
        chats.leave_chat(user=ann, chat_id=chat.pk)
        assert roles(chat)["eve"] == "owner"


@pytest.mark.django_db
class TestRename:
    def test_is_for_those_who_manage(self, ann, bob):
        chat = make_group(ann, bob)
        refused(ForbiddenError, chats.rename_chat, actor=bob, chat_id=chat.pk, title="His")
        chats.rename_chat(actor=ann, chat_id=chat.pk, title=" Hers ")
        assert Chat.objects.get(pk=chat.pk).title == "Hers"

    def test_leaves_places_alone(self, ann):
        chat = make_group(ann)
        post(chat, ann)
        chats.rename_chat(actor=ann, chat_id=chat.pk, title="New")
        chat.refresh_from_db()
        assert (chat.last_seq, chat.revision) == (1, 1)


@pytest.mark.django_db
class TestSummaries:
    def test_show_the_newest_first(self, ann, bob):
        quiet, busy = make_group(ann, title="quiet"), make_group(ann, bob, title="busy")
        post(quiet, ann)
        post(busy, bob, "x" * 200)
        first, second = chat_summaries(ann)
        assert (first["id"], second["id"]) == (busy.pk, quiet.pk)
        assert first["last_message"]["content"] == "x" * 120
        assert first["last_message"]["sender"]["username"] == bob.username
        assert (first["last_seq"], first["revision"], first["unread"]) == (1, 1, 1)
        assert first["member_count"] == 2
        joined_at = timestamp(membership(busy, bob).joined_at)
        assert first["cursors"] == [
            {"user_id": bob.pk, "joined_at": joined_at, "delivered_seq": 0, "read_seq": 0}
        ]

    def test_do_not_spread_the_cursors_of_a_large_chat(self, ann, monkeypatch):
        monkeypatch.setattr("chat.reads.summaries.SMALL_CHAT_MEMBERS", 2)
        small, large = make_group(ann, *make_people("a")), make_group(ann, *make_people("b", "c"))
        assert len(chat_summary(ann, small.pk)["cursors"]) == 1
        assert chat_summary(ann, large.pk)["cursors"] == []

    def test_take_as_many_queries_for_many_chats_as_for_one(self, ann, bob):
        def queries() -> int:
            return queries_of(lambda: chat_summaries(ann))

        post(make_group(ann, bob), bob)
        make_direct(ann, bob)
        for_two = queries()
        for _ in range(5):
            post(make_group(ann, bob), bob)
        assert queries() == for_two

    def test_of_all_who_arrive_together_take_as_many_as_of_one(self, ann, bob):
        many = make_people(*"cdefghijklm")
        assert queries_of(lambda: make_group(ann, *many)) == queries_of(
            lambda: make_group(ann, bob)
        )


def queries_of(action: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        action()
    return len(captured)
