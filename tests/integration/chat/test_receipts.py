"""Delivered and read cursors: cumulative, only forward, never beyond what there is."""

from __future__ import annotations

import pytest

from chat.fanout import HubEvent, use_hub
from chat.models import Membership
from chat.services.published import mark_published
from chat.services.receipts import Cursors, advance_cursors
from tests.people import (
    make_group,
    make_people,
    make_person,
    membership,
    new_post,
    post,
    remove,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def chat(ann, bob):
    """With ten messages."""
    from chat.services.posting import post_messages

    chat = make_group(ann, bob)
    post_messages([new_post(chat, ann) for _ in range(10)])
    return chat


@pytest.fixture
def told(django_capture_on_commit_callbacks):
    """`told(change)`: what a change said to the hubs."""

    def run(change) -> list[HubEvent]:
        said: list[HubEvent] = []
        use_hub(said.extend)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                change()
        finally:
            use_hub(None)
        return said

    return run


def advance(chat, person, **cursors: int) -> None:
    advance_cursors({(chat.pk, person.pk): Cursors(**cursors)})


def cursors_of(chat, person) -> tuple[int, int]:
    found = membership(chat, person)
    return found.delivered_seq, found.read_seq


class TestCursors:
    def test_move_forward(self, chat, bob):
        advance(chat, bob, delivered_seq=3)
        assert cursors_of(chat, bob) == (3, 0)
        advance(chat, bob, delivered_seq=5, read_seq=4)
        assert cursors_of(chat, bob) == (5, 4)

    def test_never_move_back(self, chat, bob):
        advance(chat, bob, delivered_seq=7, read_seq=6)
        for delivered, read in ((1, 1), (0, 0), (6, 5)):
            advance(chat, bob, delivered_seq=delivered, read_seq=read)
        assert cursors_of(chat, bob) == (7, 6)

    def test_move_each_for_itself_when_they_come_mixed_up(self, chat, bob):
        advance(chat, bob, delivered_seq=8)
        advance(chat, bob, read_seq=3)
        assert cursors_of(chat, bob) == (8, 3)
        advance(chat, bob, delivered_seq=2, read_seq=5)
        assert cursors_of(chat, bob) == (8, 5)

    def test_of_what_is_read_was_delivered(self, chat, bob):
        advance(chat, bob, read_seq=6)
        assert cursors_of(chat, bob) == (6, 6)

    def test_stop_at_the_last_message(self, chat, bob):
        advance(chat, bob, delivered_seq=2**63 - 1, read_seq=99)
        assert cursors_of(chat, bob) == (10, 10)

    def test_are_ones_own(self, chat, ann, bob):
        advance(chat, bob, read_seq=6)
        assert cursors_of(chat, ann) == (0, 0)

    def test_of_someone_who_is_not_in_it_change_nothing(self, chat, bob):
        eve = make_person("eve")
        remove(chat, bob)
        advance_cursors(
            {
                (chat.pk, eve.pk): Cursors(5, 5),
                (chat.pk, bob.pk): Cursors(5, 5),
                (10**12, bob.pk): Cursors(5, 5),
            }
        )
        assert cursors_of(chat, bob) == (0, 0)

    def test_of_many_are_written_together(self, chat, ann, bob):
        other = make_group(bob)
        post(other, bob)
        advance_cursors(
            {
                (chat.pk, ann.pk): Cursors(4, 2),
                (chat.pk, bob.pk): Cursors(4, 2),
                (other.pk, bob.pk): Cursors(1, 1),
            }
        )
        assert cursors_of(chat, ann) == cursors_of(chat, bob) == (4, 2)
        assert cursors_of(other, bob) == (1, 1)

    def test_joined_are_the_furthest_of_both(self):
        assert Cursors(5, 1).joined(Cursors(3, 2)) == Cursors(5, 2)


class TestWhatIsTold:
    def test_in_a_small_chat_is_told_to_everyone(self, chat, bob, told):
        (event,) = told(lambda: advance(chat, bob, read_seq=4))
        assert (event.kind, event.chat_id) == ("chat", chat.pk)
        assert '"read_seq":4' in event.line
        assert '"delivered_seq":4' in event.line
        assert f'"user_id":{bob.pk}' in event.line

    def test_in_a_large_chat_is_told_to_ones_own_browsers(self, chat, bob, told, monkeypatch):
        monkeypatch.setattr("chat.services.receipts.SMALL_CHAT_MEMBERS", 1)
        (event,) = told(lambda: advance(chat, bob, read_seq=4))
        assert (event.kind, event.user_id) == ("person", bob.pk)

    def test_when_nothing_moved_is_nothing(self, chat, bob, told):
        advance(chat, bob, read_seq=4)
        assert told(lambda: advance(chat, bob, read_seq=4)) == []
        assert told(lambda: advance(chat, bob, read_seq=3)) == []

    def test_of_a_hundred_members_is_told_and_of_more_is_not(self, ann, told):
        from chat.summaries import SMALL_CHAT_MEMBERS

        assert SMALL_CHAT_MEMBERS == 100
        crowd = make_people(*["member"] * 100)
        chat = make_group(ann)
        post(chat, ann)
        Membership.objects.bulk_create(Membership(chat=chat, user=who) for who in crowd[:99])
        assert told(lambda: advance(chat, crowd[0], read_seq=1))[0].kind == "chat"
        Membership.objects.create(chat=chat, user=crowd[99])
        assert told(lambda: advance(chat, crowd[1], read_seq=1))[0].kind == "person"


class TestPublished:
    def test_moves_forward_only(self, chat, told):
        for seq, stands in ((4, 4), (2, 4), (9, 9)):
            mark_published({chat.pk: seq})
            chat.refresh_from_db()
            assert chat.published_seq == stands

    def test_is_told_to_the_chat(self, chat, told):
        (event,) = told(lambda: mark_published({chat.pk: 4}))
        assert (event.kind, event.chat_id, event.revision) == ("chat", chat.pk, 0)
        assert '"published_seq":4' in event.line
