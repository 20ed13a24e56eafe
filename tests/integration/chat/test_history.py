"""Pages of a chat, by place and by change."""

from __future__ import annotations

import pytest

from chat.reads.history import changes_after, heads_of, newest_page, page_around, page_before
from chat.services.messages import delete_message, edit_message, set_reaction
from chat.services.posting.posting import post_messages
from tests.support.people import make_group, make_person, new_post, post
from tests.support.properties import hypothesis
from tests.support.properties import strategies as st

pytestmark = pytest.mark.django_db
PAGE = 50


@pytest.fixture
def ann():
    return make_person("ann")


@pytest.fixture
def chat(ann):
    """With 120 messages, and another chat beside it."""
    chat, other = make_group(ann), make_group(ann)
    post_messages([new_post(where, ann, "x") for _ in range(120) for where in (chat, other)])
    return chat


def seqs(page) -> list[int]:
    return [message["seq"] for message in page["messages"]]


class TestPages:
    def test_newest(self, chat):
        page = newest_page(chat.pk)
        assert seqs(page) == list(range(71, 121))
        assert (page["before_more"], page["after_more"]) == (True, False)

    def test_before(self, chat):
        page = page_before(chat.pk, 71)
        assert seqs(page) == list(range(21, 71))
        assert (page["before_more"], page["after_more"]) == (True, True)
        page = page_before(chat.pk, 21)
        assert seqs(page) == list(range(1, 21))
        assert (page["before_more"], page["after_more"]) == (False, True)

    def test_of_exactly_the_rest_say_that_it_is_all(self, chat):
        page = page_before(chat.pk, PAGE + 1)
        assert seqs(page) == list(range(1, PAGE + 1))
        assert page["before_more"] is False

    @pytest.mark.parametrize("seq", [0, 1])
    def test_before_the_first_are_empty(self, chat, seq):
        assert page_before(chat.pk, seq) == {
            "messages": [],
            "before_more": False,
            "after_more": True,
        }

    @pytest.mark.parametrize(
        ("seq", "first", "last", "before_more", "after_more"),
        [
            (60, 35, 84, True, True),
            (1, 1, 25, False, True),
            (0, 1, 25, False, True),
            (26, 1, 50, False, True),
            (27, 2, 51, True, True),
            (96, 71, 120, True, False),
            (120, 95, 120, True, False),
            (9999, 96, 120, True, False),
        ],
    )
    def test_around(self, chat, seq, first, last, before_more, after_more):
        page = page_around(chat.pk, seq)
        assert seqs(page) == list(range(first, last + 1))
        assert (page["before_more"], page["after_more"]) == (before_more, after_more)

    def test_of_an_empty_chat_are_empty(self, ann):
        chat = make_group(ann)
        empty = {"messages": [], "before_more": False, "after_more": False}
        assert newest_page(chat.pk) == page_around(chat.pk, 5) == empty

    def test_take_a_fixed_number_of_queries(self, chat, ann, django_assert_max_num_queries):
        first = post(chat, ann)
        for _ in range(20):
            reply = post(chat, ann, reply_to_id=first.message_id)
            set_reaction(actor=ann, message_id=reply.message_id, emoji="👍", on=True)
        with django_assert_max_num_queries(5):
            newest_page(chat.pk)


class TestChanges:
    def test_are_what_came_after(self, chat):
        changes = changes_after(chat.pk, 115)
        assert (changes["after"], changes["revision"], changes["more"]) == (115, 120, False)
        assert [change["revision"] for change in changes["changes"]] == [116, 117, 118, 119, 120]

    def test_of_one_who_has_everything_are_none(self, chat):
        assert changes_after(chat.pk, 120) == {
            "after": 120,
            "revision": 120,
            "more": False,
            "changes": [],
        }

    def test_come_in_pages_that_join_without_a_hole(self, chat):
        collected, revision, more, pages = [], 0, True, 0
        while more:
            page = changes_after(chat.pk, revision, limit=50)
            assert page["after"] == revision
            collected += [change["revision"] for change in page["changes"]]
            revision, more, pages = page["revision"], page["more"], pages + 1
        assert collected == list(range(1, 121))
        assert (revision, pages) == (120, 3)

    def test_of_exactly_a_page_are_all(self, chat):
        page = changes_after(chat.pk, 70, limit=50)
        assert (len(page["changes"]), page["more"], page["revision"]) == (50, False, 120)

    def test_of_a_message_that_changed_often_come_once(self, chat, ann):
        message_id = chat.messages.get(seq=3).pk
        for n in range(4):
            edit_message(actor=ann, message_id=message_id, content=f"edit {n}")
        set_reaction(actor=ann, message_id=message_id, emoji="👍", on=True)
        changes = changes_after(chat.pk, 120)
        (change,) = changes["changes"]
        assert (change["type"], change["revision"]) == ("message.edited", 125)
        assert change["message"]["content"] == "edit 3"
        assert change["message"]["reactions"] == [{"emoji": "👍", "user_ids": [ann.pk]}]
        # From the beginning the message comes once as well, in its newest place.
        everything = changes_after(chat.pk, 0, limit=1000)["changes"]
        assert [c["message"]["seq"] for c in everything].count(3) == 1
        assert everything[-1]["message"]["seq"] == 3

    def test_say_what_a_message_is_now(self, chat, ann):
        edited, deleted = chat.messages.get(seq=1), chat.messages.get(seq=2)
        edit_message(actor=ann, message_id=edited.pk, content="better")
        delete_message(actor=ann, message_id=deleted.pk)
        types = {
            change["message"]["seq"]: change["type"]
            for change in changes_after(chat.pk, 0)["changes"]
        }
        assert (types[1], types[2], types[3]) == (
            "message.edited",
            "message.deleted",
            "message.created",
        )

    @hypothesis.settings(max_examples=8, deadline=None)
    @hypothesis.given(st.data())
    def test_bring_anyone_to_the_same_state(self, data):
        """Whatever happened, and wherever one stood: pages of any size end in the same."""
        ann = make_person("ann")
        chat = make_group(ann)
        ids: list[int] = []
        states: dict[int, dict[int, str]] = {0: {}}
        revision = 0

        def state() -> dict[int, str]:
            return {m.seq: m.content for m in chat.messages.all()}

        for _ in range(data.draw(st.integers(1, 10))):
            step = data.draw(st.sampled_from(["post", "edit", "delete"]))
            if step == "post" or not ids:
                ids.append(post(chat, ann, f"post {len(states)}").message_id)
            elif step == "edit":
                target = data.draw(st.sampled_from(ids))
                edit_message(actor=ann, message_id=target, content=f"edit {len(states)}")
            else:
                target = ids.pop(data.draw(st.integers(0, len(ids) - 1)))
                delete_message(actor=ann, message_id=target)
            revision += 1
            states[revision] = state()
        at = data.draw(st.sampled_from(sorted(states)))
        known, limit, more = dict(states[at]), data.draw(st.integers(1, 5)), True
        while more:
            page = changes_after(chat.pk, at, limit=limit)
            for change in page["changes"]:
                known[change["message"]["seq"]] = change["message"]["content"]
            at, more = page["revision"], page["more"]
        assert known == states[revision]
        assert at == revision


class TestHeads:
    def test_are_each_chats_newest_revision(self, chat, ann):
        empty = make_group(ann)
        assert heads_of([chat.pk, empty.pk, 10**12]) == {chat.pk: 120, empty.pk: 0}
