"""Many posts in one transaction: each has its outcome, none its neighbour's."""

from __future__ import annotations

import json
import uuid

import pytest
from django.db import IntegrityError, transaction

from chat.errors import BadRequestError, BadTextError, EmptyTextError, NotFoundError, TooLongError
from chat.models import Chat, Message
from chat.services.chats import chats
from chat.services.messages import delete_message
from chat.services.posting.posting import post_message, post_messages
from chat.services.posting.posts import NewPost, Posted
from tests.support.people import (
    all_saved,
    ban,
    make_group,
    make_people,
    make_person,
    make_public,
    membership,
    message_events,
    new_post,
    post,
    post_text,
    remove,
)

pytestmark = pytest.mark.django_db


def kinds(outcomes) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def places(chat: Chat) -> list[tuple[int, int]]:
    return list(chat.messages.order_by("seq").values_list("seq", "revision"))


def recorded() -> list[tuple[str, dict]]:
    return [(row.event_type, json.loads(row.payload)) for row in message_events()]


class TestPostMessages:
    def test_gives_each_message_the_next_place(self, chat, ann, bob):
        outcomes = all_saved(
            post_messages([new_post(chat, who, f"{n}") for n, who in enumerate([ann, bob])])
        )
        assert [(o.seq, o.revision, o.duplicate) for o in outcomes] == [
            (1, 1, False),
            (2, 2, False),
        ]
        chat.refresh_from_db()
        assert (chat.last_seq, chat.revision) == (2, 2)
        assert chat.last_message_at == chat.messages.get(seq=2).created_at

    def test_keeps_the_text_as_it_was_written(self, chat, ann):
        for text in (
            "  e\u0301 \r\n\t",
            "abc\u202etxt",
            "e" + "\u0301" * 1000,
            "👨‍👩‍👧‍👦",
            "я" * 4000,
        ):
            assert post_text(chat, ann, text).content == text

    def test_does_not_let_a_bad_post_keep_a_good_one_back(self, chat, ann, bob):
        eve = make_person("eve")
        elsewhere = make_group(eve)
        outcomes = post_messages(
            [
                new_post(chat, ann, "first"),
                new_post(chat, ann, "\u200b"),
                new_post(chat, eve, "I am not in it"),
                new_post(chat, ann, "a\0b"),
                new_post(chat, bob, "second"),
                new_post(chat, ann, "x" * 4001),
                NewPost(10**15, ann.pk, uuid.uuid4(), "no such chat"),
                NewPost(chat.pk, 10**15, uuid.uuid4(), "no such person"),
                new_post(chat, ann, "reply", reply_to_id=10**15),
                new_post(elsewhere, eve, "elsewhere"),
                new_post(chat, bob, "third"),
            ]
        )
        assert kinds(outcomes) == [
            Posted,
            EmptyTextError,
            NotFoundError,
            BadTextError,
            Posted,
            TooLongError,
            NotFoundError,
            NotFoundError,
            BadRequestError,
            Posted,
            Posted,
        ]
        assert places(chat) == [(1, 1), (2, 2), (3, 3)]
        assert [m.content for m in chat.messages.order_by("seq")] == ["first", "second", "third"]
        assert places(elsewhere) == [(1, 1)]
        chat.refresh_from_db()
        assert (chat.last_seq, chat.revision) == (3, 3)

    def test_leaves_no_holes_in_any_chat_of_a_mixed_batch(self, ann):
        rooms = [make_group(ann) for _ in range(3)]
        order = [0, 1, 0, 2, 2, 0, 1, 0]
        post_messages([new_post(rooms[n], ann, "a") for n in order])
        post_messages([new_post(rooms[n], ann, "b") for n in order])
        for n, room in enumerate(rooms):
            count = 2 * order.count(n)
            assert places(room) == [(seq, seq) for seq in range(1, count + 1)]
            room.refresh_from_db()
            assert (room.last_seq, room.revision) == (count, count)

    def test_of_nothing_is_nothing(self):
        assert post_messages([]) == []

    def test_takes_as_many_queries_for_many_as_for_one(self, chat, ann, django_assert_num_queries):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as for_one:
            post_messages([new_post(chat, ann)])
        with CaptureQueriesContext(connection) as for_many:
            post_messages([new_post(chat, ann) for _ in range(40)])
        assert len(for_many) == len(for_one)

    def test_writes_an_event_for_each_message_in_the_same_transaction(self, chat, ann):
        first = post(chat, ann, "one")
        second = post(chat, ann, "two", reply_to_id=first.message_id)
        (_, _), (kind, payload) = recorded()
        message = Message.objects.get(pk=second.message_id)
        assert kind == "message.created"
        assert payload == {
            "messageId": str(message.pk),
            "chatId": str(chat.pk),
            "senderId": str(ann.pk),
            "content": "two",
            "timestamp": payload["timestamp"],
            "action": "created",
            "seq": 2,
            "revision": 2,
            "replyTo": str(first.message_id),
            "clientMessageId": str(message.client_message_id),
        }
        assert {row.key for row in message_events()} == {str(chat.pk)}

    def test_writes_events_in_the_order_of_seq(self, chat, ann):
        post_messages([new_post(chat, ann, str(n)) for n in range(20)])
        assert [payload["seq"] for _, payload in recorded()] == list(range(1, 21))

    def test_rolled_back_leaves_neither_message_nor_event_nor_hole(self, chat, ann):
        with pytest.raises(IntegrityError), transaction.atomic():
            post(chat, ann, "gone")
            raise IntegrityError
        assert not Message.objects.exists()
        assert recorded() == []
        assert post(chat, ann).seq == 1


class TestSendingAgain:
    def test_returns_the_first_message(self, chat, ann):
        given = new_post(chat, ann, "once")
        first, again = post_message(given), post_message(given)
        assert not first.duplicate
        assert again.duplicate
        assert (again.message_id, again.seq, again.revision, again.created_at) == (
            first.message_id,
            first.seq,
            first.revision,
            first.created_at,
        )
        assert places(chat) == [(1, 1)]
        assert len(recorded()) == 1

    def test_within_a_batch_returns_the_first_message(self, chat, ann):
        given = new_post(chat, ann, "once")
        first, second, third = all_saved(post_messages([given, given, given]))
        assert [first.duplicate, second.duplicate, third.duplicate] == [False, True, True]
        assert {first.message_id} == {second.message_id, third.message_id}
        assert places(chat) == [(1, 1)]

    def test_with_another_text_keeps_the_first_one(self, chat, ann):
        given = new_post(chat, ann, "first")
        post_message(given)
        again = post_message(new_post(chat, ann, "", client_message_id=given.client_message_id))
        assert again.duplicate
        assert chat.messages.get().content == "first"

    def test_after_a_refusal_is_a_first_time(self, chat, ann):
        given = uuid.uuid4()
        refused, saved, again = post_messages(
            [new_post(chat, ann, text, client_message_id=given) for text in ("", "good", "later")]
        )
        assert isinstance(refused, EmptyTextError)
        assert [one.duplicate for one in all_saved([saved, again])] == [False, True]
        assert chat.messages.get().content == "good"

    def test_of_a_message_that_was_changed_since_is_a_duplicate(self, chat, ann):
        given = new_post(chat, ann, "first")
        posted = post_message(given)
        revision = delete_message(actor=ann, message_id=posted.message_id)
        again = post_message(given)
        assert (again.message_id, again.duplicate) == (posted.message_id, True)
        assert again.revision in {posted.revision, revision}

    def test_the_same_id_in_another_chat_is_another_message(self, chat, ann):
        other, given = make_group(ann), uuid.uuid4()
        one, two = all_saved(
            post_messages(
                [new_post(where, ann, client_message_id=given) for where in (chat, other)]
            )
        )
        assert one.message_id != two.message_id
        assert not two.duplicate

    def test_the_same_id_of_another_person_is_another_message(self, chat, ann, bob):
        given = uuid.uuid4()
        one = post(chat, ann, "mine", client_message_id=given)
        two = post(chat, bob, "also mine", client_message_id=given)
        assert one.message_id != two.message_id
        assert not two.duplicate

    def test_the_same_ids_crossed_in_one_batch_are_kept_apart(self, chat, ann, bob):
        other, x, y = make_group(ann, bob), uuid.uuid4(), uuid.uuid4()
        post(chat, ann, "known", client_message_id=x)
        posts = [
            new_post(where, who, client_message_id=given)
            for where in (chat, other)
            for who in (ann, bob)
            for given in (x, y)
        ]
        outcomes = all_saved(post_messages(posts))
        assert [o.duplicate for o in outcomes] == [True] + [False] * 7
        assert len({o.message_id for o in outcomes}) == 8

    def test_after_being_removed_tells_nothing(self, chat, bob):
        given = new_post(chat, bob, "once")
        post_message(given)
        remove(chat, bob)
        with pytest.raises(NotFoundError):
            post_message(given)


class TestWhoMayPost:
    def test_nobody_who_is_not_a_member(self, chat):
        with pytest.raises(NotFoundError):
            post(chat, make_person("eve"))

    def test_nobody_in_a_public_chat_that_was_not_joined(self, ann):
        with pytest.raises(NotFoundError):
            post(make_public(ann), make_person("eve"))

    def test_nobody_who_was_removed(self, chat, bob):
        remove(chat, bob)
        with pytest.raises(NotFoundError):
            post(chat, bob)

    def test_nobody_who_left(self, chat, bob):
        chats.leave_chat(user=bob, chat_id=chat.pk)
        with pytest.raises(NotFoundError):
            post(chat, bob)

    def test_nobody_who_was_banned(self, chat, bob):
        ban(bob)
        with pytest.raises(NotFoundError):
            post(chat, bob)

    def test_whoever_came_back(self, ann, bob):
        chat = make_public(ann, bob)
        chats.leave_chat(user=bob, chat_id=chat.pk)
        chats.join_chat(user=bob, chat_id=chat.pk)
        assert post(chat, bob).seq == 1

    def test_refused_changes_nothing(self, chat):
        with pytest.raises(NotFoundError):
            post(chat, make_person("eve"))
        chat.refresh_from_db()
        assert (chat.last_seq, chat.revision) == (0, 0)
        assert recorded() == []


class TestReply:
    def test_is_to_a_message_of_the_same_chat(self, chat, ann, bob):
        first = post(chat, ann, "question")
        answer = post_text(chat, bob, "answer", reply_to_id=first.message_id)
        assert answer.reply_to_id == first.message_id

    def test_is_not_to_a_message_of_another_chat(self, chat, ann, bob):
        elsewhere = post(make_group(bob), bob, "secret")
        nowhere = elsewhere.message_id + 1000
        said = []
        for target in (elsewhere.message_id, nowhere):
            with pytest.raises(BadRequestError) as caught:
                post(chat, ann, reply_to_id=target)
            said.append(str(caught.value))
        assert said[0] == said[1]
        assert not chat.messages.exists()

    def test_may_be_to_a_message_that_was_deleted(self, chat, ann):
        first = post(chat, ann)
        delete_message(actor=ann, message_id=first.message_id)
        assert post(chat, ann, reply_to_id=first.message_id).seq == 2

    def test_is_not_to_a_message_of_the_same_batch_that_has_no_id_yet(self, chat, ann):
        latest = post(chat, ann).message_id
        outcomes = post_messages([new_post(chat, ann), new_post(chat, ann, reply_to_id=latest + 1)])
        assert kinds(outcomes) == [Posted, BadRequestError]


class TestMessageSave:
    """A message saved by any route: in a shell, in the admin."""

    def test_takes_the_next_places_when_it_is_new(self, chat, ann):
        post(chat, ann)
        message = Message.objects.create(chat=chat, sender=ann, content="by hand")
        assert (message.seq, message.revision) == (2, 2)
        assert post(chat, ann).seq == 3
        kind, payload = recorded()[1]
        assert (kind, payload["seq"], payload["content"]) == ("message.created", 2, "by hand")
        chat.refresh_from_db()
        assert chat.last_seq == chat.revision == 3

    def test_takes_the_next_revision_when_it_is_changed(self, chat, ann):
        message = post_text(chat, ann, "before")
        post(chat, ann)
        message.content = "after"
        message.save()
        assert (message.seq, message.revision) == (1, 3)
        kind, payload = recorded()[-1]
        assert (kind, payload["content"], payload["revision"]) == ("message.edited", "after", 3)

    def test_of_some_fields_keeps_the_revision_too(self, chat, ann):
        message = post_text(chat, ann)
        message.content = "after"
        message.save(update_fields=["content"])
        message.refresh_from_db()
        assert (message.content, message.revision) == ("after", 2)

    def test_tells_of_a_delete(self, chat, ann):
        message = post_text(chat, ann, "words")
        message.deleted_at = message.created_at
        message.save()
        kind, payload = recorded()[-1]
        assert (kind, payload["content"]) == ("message.deleted", "")

    def test_cannot_write_its_own_places(self, chat, ann):
        message = Message(chat=chat, sender=ann, content="x", seq=77, revision=99)
        message.save()
        assert (message.seq, message.revision) == (1, 1)
        message.revision = 1
        message.save()
        assert message.revision == 2

    def test_that_fails_leaves_no_hole(self, chat, ann):
        known = post_text(chat, ann)
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.create(
                chat=chat, sender=ann, content="x", client_message_id=known.client_message_id
            )
        assert post(chat, ann).seq == 2
        assert len(recorded()) == 2

    def test_rolled_back_leaves_no_event(self, chat, ann):
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.create(chat=chat, sender=ann, content="x")
            raise IntegrityError
        assert recorded() == []

    def test_leaves_a_chat_that_was_renamed_meanwhile_alone(self, chat, ann):
        message = Message(chat=chat, sender=ann, content="x")
        chats.rename_chat(actor=ann, chat_id=chat.pk, title="New name")
        message.save()
        assert Chat.objects.get(pk=chat.pk).title == "New name"

    def test_moves_no_ones_cursor(self, chat, ann, bob):
        Message.objects.create(chat=chat, sender=ann, content="x")
        assert membership(chat, bob).read_seq == 0


class TestConstraints:
    """What the database itself refuses, whoever writes."""

    def test_a_seq_and_a_revision_are_given_once(self, chat, ann):
        post(chat, ann)
        message = post_text(chat, ann)
        for field in ("seq", "revision"):
            with pytest.raises(IntegrityError), transaction.atomic():
                Message.objects.filter(pk=message.pk).update(**{field: 1})

    def test_a_message_cannot_be_deleted_from_under_its_chat(self, chat, ann):
        from django.db.models import ProtectedError

        post(chat, ann)
        with pytest.raises(ProtectedError):
            chat.delete()

    def test_people_are_different_in_any_case(self):
        ann, *_ = make_people("ann")
        with pytest.raises(IntegrityError), transaction.atomic():
            type(ann).objects.create(username=ann.username.upper())
