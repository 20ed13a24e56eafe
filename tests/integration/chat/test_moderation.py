"""Staff hides and restores messages, bans people: what is left to see, and who may do it."""

from __future__ import annotations

import orjson
import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from chat.errors import ConflictError, ForbiddenError, NotFoundError
from chat.events.topics import AUDIT_TOPIC
from chat.models import Message, User
from chat.reads import history
from chat.reads.summaries import chat_summary
from chat.services.messages import delete_message, edit_message, set_reaction
from chat.services.people.moderation import (
    ban_person,
    hide_message,
    restore_message,
    set_staff_rights,
    unban_person,
)
from chat.wire.protocol import CloseCode
from messaging.contract.schemas import find_schema
from messaging.models import OutboxEvent
from tests.integration.chat.conftest import in_thread
from tests.support.people import browser_of, make_group, make_person, post, post_text

WORDS = "words that nobody should see"

pytestmark = pytest.mark.django_db


def staff_with(*codenames: str, **fields) -> User:
    person = make_person("staff", is_staff=True, **fields)
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return person


@pytest.fixture
def moderator(db) -> User:
    return staff_with("hide_message", "ban_user")


@pytest.fixture
def message(chat, ann) -> Message:
    return post_text(chat, ann, WORDS)


def last_event(topic: str) -> dict:
    row = OutboxEvent.objects.filter(topic=topic).latest("id")
    payload = orjson.loads(row.payload)
    find_schema(topic, 1).check(payload)
    assert row.event_type == find_schema(topic, 1).event_type(payload)
    return payload


class TestHideMessage:
    def test_takes_the_next_revision_and_keeps_the_words_for_staff(self, chat, moderator, message):
        hide_message(moderator, message.pk, "spam")
        chat.refresh_from_db()
        message.refresh_from_db()
        assert message.is_hidden
        assert message.revision == chat.revision == 2
        assert (message.content, message.hidden_by, message.hidden_reason) == (
            WORDS,
            moderator,
            "spam",
        )

    def test_done_twice_is_done_once(self, chat, moderator, message):
        hide_message(moderator, message.pk, "spam")
        hide_message(moderator, message.pk, "again")
        chat.refresh_from_db()
        assert chat.revision == 2
        assert OutboxEvent.objects.filter(event_type="message.hidden").count() == 1

    def test_leaves_the_words_nowhere(self, chat, ann, bob, moderator, message):
        """Not to others, and not to the one who wrote them."""
        edit_message(actor=ann, message_id=message.pk, content=f"{WORDS}, edited")
        set_reaction(actor=bob, message_id=message.pk, emoji="👍", on=True)
        post(chat, bob, "an answer", reply_to_id=message.pk)
        hide_message(moderator, message.pk, "spam")
        for person in (ann, bob):
            browser = browser_of(person)
            pages = [
                browser.get(f"/chats/{chat.pk}"),
                browser.get("/api/chats"),
                browser.get(f"/api/chats/{chat.pk}/messages"),
                browser.get(f"/api/chats/{chat.pk}/changes?after=0"),
                browser.get(f"/api/messages/{message.pk}/edits"),
            ]
            assert [page.status_code for page in pages] == [200] * len(pages)
            assert not [page for page in pages if WORDS in page.content.decode()]

    def test_says_that_it_is_hidden_where_it_stood_and_where_it_is_quoted(
        self, chat, ann, bob, moderator, message
    ):
        set_reaction(actor=bob, message_id=message.pk, emoji="👍", on=True)
        answer = post(chat, bob, "an answer", reply_to_id=message.pk)
        hide_message(moderator, message.pk, "spam")
        shown, quoting = history.newest_page(chat.pk)["messages"]
        assert (shown["hidden"], shown["content"], shown["reactions"]) == (True, "", [])
        assert (quoting["reply_to"]["hidden"], quoting["reply_to"]["content"]) == (True, "")
        assert "hidden" not in quoting
        changes = history.changes_after(chat.pk, answer.revision)["changes"]
        assert [(change["type"], change["message"]["hidden"]) for change in changes] == [
            ("message.edited", True)
        ]

    def test_hides_it_in_the_list_of_chats(self, chat, ann, moderator, message):
        hide_message(moderator, message.pk, "spam")
        last = chat_summary(ann, chat.pk)["last_message"]
        assert (last["hidden"], last["content"]) == (True, "")

    def test_reaches_the_bus_as_a_deletion_without_words(self, moderator, message):
        hide_message(moderator, message.pk, "spam")
        event = last_event("chat-messages")
        assert (event["action"], event["moderation"], event["content"]) == ("deleted", "hidden", "")

    def test_is_a_fact_with_its_reason_and_without_the_words(self, moderator, message):
        hide_message(moderator, message.pk, "spam")
        fact = last_event(AUDIT_TOPIC)
        assert (fact["action"], fact["actorId"]) == ("message.hidden", str(moderator.pk))
        assert (fact["targetType"], fact["targetId"]) == ("message", str(message.pk))
        assert fact["details"] == {"reason": "spam", "seq": 1, "revision": 2}

    def test_of_a_deleted_message_is_refused(self, ann, moderator, message):
        delete_message(actor=ann, message_id=message.pk)
        with pytest.raises(ConflictError):
            hide_message(moderator, message.pk, "spam")

    def test_of_nothing_is_refused(self, moderator):
        with pytest.raises(NotFoundError):
            hide_message(moderator, 1, "spam")

    def test_is_refused_to_those_without_the_right(self, ann, message):
        for person in (ann, staff_with("ban_user")):
            with pytest.raises(ForbiddenError):
                hide_message(person, message.pk, "spam")
            with pytest.raises(ForbiddenError):
                restore_message(person, message.pk, "spam")


class TestHiddenMessage:
    @pytest.fixture(autouse=True)
    def hidden(self, moderator, message):
        hide_message(moderator, message.pk, "spam")

    def test_can_be_deleted_by_its_author_and_then_not_restored(self, ann, moderator, message):
        delete_message(actor=ann, message_id=message.pk)
        event = last_event("chat-messages")
        assert (event["action"], event.get("moderation")) == ("deleted", None)
        with pytest.raises(ConflictError):
            restore_message(moderator, message.pk, "a mistake")
        message.refresh_from_db()
        assert message.content == ""

    def test_cannot_be_edited_nor_reacted_to(self, ann, bob, message):
        with pytest.raises(ConflictError, match="hidden"):
            edit_message(actor=ann, message_id=message.pk, content="better words")
        with pytest.raises(ConflictError, match="hidden"):
            set_reaction(actor=bob, message_id=message.pk, emoji="👍", on=True)

    def test_saved_by_another_route_stays_without_words(self, message):
        message.refresh_from_db()
        message.save()
        assert last_event("chat-messages")["content"] == ""

    def test_is_deleted_like_any_other_for_those_who_see_it(self, chat, ann, message):
        delete_message(actor=ann, message_id=message.pk)
        (shown,) = history.newest_page(chat.pk)["messages"]
        assert shown["deleted"]
        assert "hidden" not in shown


class TestRestoreMessage:
    def test_brings_words_wordings_and_reactions_back(self, chat, ann, bob, moderator, message):
        edit_message(actor=ann, message_id=message.pk, content=f"{WORDS}, edited")
        set_reaction(actor=bob, message_id=message.pk, emoji="👍", on=True)
        hide_message(moderator, message.pk, "spam")
        restore_message(moderator, message.pk, "a mistake")
        (shown,) = history.newest_page(chat.pk)["messages"]
        assert (shown["content"], len(shown["reactions"])) == (f"{WORDS}, edited", 1)
        assert "hidden" not in shown
        edits = browser_of(bob).get(f"/api/messages/{message.pk}/edits").json()["edits"]
        assert [edit["content"] for edit in edits] == [WORDS]

    def test_reaches_the_bus_as_an_edit_with_the_words(self, moderator, message):
        hide_message(moderator, message.pk, "spam")
        before = last_event("chat-messages")
        restore_message(moderator, message.pk, "a mistake")
        event = last_event("chat-messages")
        assert (event["action"], event["moderation"], event["content"]) == (
            "edited",
            "restored",
            WORDS,
        )
        assert event["timestamp"] > before["timestamp"]
        assert last_event(AUDIT_TOPIC)["details"]["reason"] == "a mistake"

    def test_of_what_is_not_hidden_changes_nothing(self, chat, moderator, message):
        restore_message(moderator, message.pk, "a mistake")
        chat.refresh_from_db()
        assert chat.revision == 1


class TestOpenSockets:
    async def test_lose_the_words_and_get_them_back(self, connect, ann, bob, chat, moderator):
        socket = await connect(bob)
        message = await in_thread(post_text, chat, ann, WORDS)
        created = await socket.next("message.created")
        assert created["message"]["content"] == WORDS
        await in_thread(hide_message, moderator, message.pk, "spam")
        hidden = await socket.next("message.edited")
        assert (hidden["message"]["hidden"], hidden["message"]["content"]) == (True, "")
        assert hidden["revision"] == created["revision"] + 1
        await in_thread(restore_message, moderator, message.pk, "a mistake")
        restored = await socket.next("message.edited")
        assert (restored["message"].get("hidden"), restored["message"]["content"]) == (None, WORDS)

    async def test_of_a_banned_person_are_closed_at_once(self, connect, ann, moderator, chat):
        socket = await connect(ann)
        await in_thread(ban_person, moderator, ann.pk, "spam")
        assert await socket.closed() == CloseCode.SIGNED_OUT


class TestBanPerson:
    def test_signs_them_out_until_the_ban_ends(self, ann, moderator):
        browser = browser_of(ann)
        assert browser.get("/api/me").status_code == 200
        ban_person(moderator, ann.pk, "spam")
        assert browser.get("/api/me").status_code == 401
        unban_person(moderator, ann.pk, "they said sorry")
        assert browser.get("/api/me").status_code == 200
        facts = OutboxEvent.objects.filter(topic=AUDIT_TOPIC).order_by("id")
        assert [row.event_type for row in facts] == ["person.banned", "person.unbanned"]
        assert last_event(AUDIT_TOPIC)["details"] == {"reason": "they said sorry"}

    def test_done_twice_is_one_fact(self, ann, moderator):
        ban_person(moderator, ann.pk, "spam")
        ban_person(moderator, ann.pk, "spam")
        unban_person(moderator, ann.pk, "enough")
        unban_person(moderator, ann.pk, "enough")
        assert OutboxEvent.objects.filter(topic=AUDIT_TOPIC).count() == 2

    def test_is_not_for_oneself_nor_by_staff_for_staff(self, moderator):
        with pytest.raises(ForbiddenError, match="yourself"):
            ban_person(moderator, moderator.pk, "tired")
        with pytest.raises(ForbiddenError, match="superuser"):
            ban_person(moderator, staff_with().pk, "a rival")
        ban_person(make_person("root", is_superuser=True), moderator.pk, "left the company")

    def test_does_not_bring_a_deleted_account_back(self, ann, moderator):
        User.objects.filter(pk=ann.pk).update(is_active=False, deleted_at=timezone.now())
        with pytest.raises(ConflictError):
            unban_person(moderator, ann.pk, "asked for it")

    def test_is_refused_to_those_without_the_right(self, ann, bob):
        with pytest.raises(ForbiddenError):
            ban_person(staff_with("hide_message"), ann.pk, "spam")


class TestSetStaffRights:
    def test_says_what_they_were_and_what_they_are(self, ann):
        boss = make_person("root", is_superuser=True)
        group = Group.objects.get(name="Moderators")
        set_staff_rights(boss, ann.pk, is_staff=True, groups=[group], reason="hired")
        ann.refresh_from_db()
        assert ann.is_staff
        assert ann.has_perm("chat.hide_message")
        assert last_event(AUDIT_TOPIC)["details"] == {
            "reason": "hired",
            "before": [],
            "after": ["staff", "Moderators"],
        }

    def test_are_no_more_than_those_of_who_gives_them(self, ann, bob):
        root = make_person("root", is_superuser=True, is_staff=True)
        actor = staff_with("change_user")
        operators = Group.objects.get(name="Operators")
        with pytest.raises(ForbiddenError):
            set_staff_rights(actor, ann.pk, is_staff=True, groups=[operators], reason="a friend")
        with pytest.raises(ForbiddenError):
            set_staff_rights(actor, root.pk, is_staff=False, groups=[], reason="in the way")
        set_staff_rights(actor, ann.pk, is_staff=True, groups=[], reason="helps")
        ann.refresh_from_db()
        root.refresh_from_db()
        assert (ann.is_staff, ann.groups.exists(), root.is_staff) == (True, False, True)

    def test_cannot_be_given_by_a_moderator_nor_to_oneself(self, ann, moderator):
        with pytest.raises(ForbiddenError):
            set_staff_rights(moderator, ann.pk, is_staff=True, groups=[], reason="a friend")
        boss = make_person("root", is_superuser=True)
        with pytest.raises(ForbiddenError):
            set_staff_rights(boss, boss.pk, is_staff=False, groups=[], reason="tired")


def test_a_message_of_another_chat_stays_as_it_is(ann, bob, moderator, message):
    other = post_text(make_group(ann, bob), ann, WORDS)
    hide_message(moderator, message.pk, "spam")
    assert Message.objects.get(pk=other.pk).is_readable
