"""Who has received and read a message, asked for: in chats too large to spread it, with names."""

from __future__ import annotations

import pytest

from chat.models import Membership, Message
from chat.reads.message_receipts import PAGE_PEOPLE, count_receipts
from chat.services.chats import chats
from chat.services.cursors.receipts import Cursors, advance_cursors
from tests.support.people import browser_of, make_group, make_people, make_person, post, post_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowd():
    return make_people(*["member"] * 120)


@pytest.fixture
def message(ann, crowd) -> Message:
    """Of ann's in a chat of 121."""
    chat = make_group(ann)
    Membership.objects.bulk_create(Membership(chat=chat, user=person) for person in crowd)
    return post_text(chat, ann)


def move(message: Message, *people, read: bool = False) -> None:
    cursors = Cursors(message.seq, message.seq if read else 0)
    advance_cursors({(message.chat_id, person.pk): cursors for person in people})


def ask(message: Message, person, page: int = 0):
    return browser_of(person).get(f"/api/messages/{message.pk}/receipts?page={page}")


def keep_to_oneself(person) -> None:
    person.shares_reading = False
    person.save(update_fields=["shares_reading"])


class TestWhatTheSenderIsTold:
    def test_how_many_and_who_first_those_who_have_read_it(self, message, ann, crowd):
        move(message, *crowd[:30])
        move(message, *crowd[10:15], read=True)
        answer = ask(message, ann).json()
        assert (answer["members"], answer["delivered"], answer["read"]) == (120, 30, 5)
        rows = [(row["user"]["id"], row["delivered"], row["read"]) for row in answer["people"]]
        assert len(rows) == PAGE_PEOPLE
        assert {pk for pk, _, _ in rows[:5]} == {person.pk for person in crowd[10:15]}
        assert [done for _, *done in rows] == [[True, True]] * 5 + [[True, False]] * 25 + [
            [False, False]
        ] * 20

    def test_page_by_page_everyone_once(self, message, ann, crowd):
        pages = [ask(message, ann, page).json() for page in range(3)]
        assert [page["more"] for page in pages] == [True, True, False]
        found = [row["user"]["id"] for page in pages for row in page["people"]]
        assert sorted(found) == sorted(person.pk for person in crowd)

    def test_nothing_of_what_others_have_sent(self, message, ann, crowd):
        answer = ask(message, crowd[0])
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden"
        assert ask(message, make_person("eve")).status_code == 404

    def test_of_those_who_were_there(self, message, ann):
        """Who comes later finds it read, but has not read it; who left is not asked any more."""
        late, leaves = make_people("late", "leaves")
        Membership.objects.create(
            chat_id=message.chat_id, user=leaves, joined_at=message.created_at
        )
        chats.add_member(actor=ann, chat_id=message.chat_id, user_id=late.pk)
        assert count_receipts(message).members == 121
        chats.leave_chat(user=leaves, chat_id=message.chat_id)
        assert count_receipts(message).members == 120
        assert count_receipts(message).read == 0


class TestWhoKeepsItToThemselves:
    def test_counts_as_reached_only(self, message, ann, crowd):
        keep_to_oneself(crowd[0])
        move(message, *crowd[:2], read=True)
        answer = ask(message, ann).json()
        assert (answer["delivered"], answer["read"]) == (2, 1)
        by_id = {row["user"]["id"]: row for row in answer["people"]}
        assert by_id[crowd[0].pk]["delivered"] is True
        assert "read" not in by_id[crowd[0].pk]
        assert count_receipts(message).not_showing == 1

    def test_is_not_shown_it_of_others_not_even_by_their_order(self, message, ann, crowd):
        keep_to_oneself(ann)
        ann.refresh_from_db()
        move(message, *crowd)
        before = ask(message, ann).json()
        move(message, *crowd[100:], read=True)
        answer = ask(message, ann).json()
        assert "read" not in answer
        assert all("read" not in row for row in answer["people"])
        assert answer == before


def test_a_message_to_nobody_has_reached_nobody(ann):
    chat = make_group(ann)
    message = Message.objects.get(pk=post(chat, ann).message_id)
    answer = ask(message, ann).json()
    assert answer == {"members": 0, "delivered": 0, "read": 0, "people": [], "more": False}
