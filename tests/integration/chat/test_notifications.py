"""Who is told of what while looking elsewhere, and how it comes to be seen."""

from __future__ import annotations

import json
import unicodedata
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chat.events.facts import record_fact
from chat.events.hub_commands import HubCommand, use_hub
from chat.handlers.notifications import tell_of_facts, tell_of_messages
from chat.models import Chat, Membership, Message, Notification, User, Webhook
from chat.reads.notifications import (
    PAGE_NOTIFICATIONS,
    mention_counts,
    notifications_page,
    unseen_notifications,
)
from chat.reads.summaries import chat_summary
from chat.services.chats import chats
from chat.services.cursors.receipts import Cursors, advance_cursors
from chat.services.messages import delete_message, edit_message
from chat.services.notifications import see_all_notifications, see_notifications, set_notify
from chat.services.people.account_deletion import delete_account
from chat.services.people.moderation import ban_person
from chat.services.posting.posting import post_messages
from chat.webhooks.deliveries import FAILED_FOR_LONG
from chat.webhooks.incoming import create_incoming_webhook
from chat.webhooks.outgoing import switch_off
from messaging.contract.events import Event
from messaging.handling.embedded import event_of
from messaging.outbox.rows import mark_published, read_waiting
from tests.integration.chat.conftest import in_thread
from tests.support.bus_parts import handle_waiting
from tests.support.people import (
    ban,
    browser_of,
    make_direct,
    make_group,
    make_people,
    make_person,
    make_public,
    membership,
    new_post,
    post,
    remove,
)

pytestmark = pytest.mark.django_db


def kinds_of(person: User) -> list[str]:
    return list(Notification.objects.of(person).order_by("pk").values_list("kind", flat=True))


class TestWebhookThatWasSwitchedOff:
    @pytest.fixture
    def webhook(self, ann: User, chat: Chat) -> Webhook:
        return Webhook.objects.create(
            chat=chat, created_by=ann, owner=ann, name="Billing", url="https://a.example"
        )

    def test_is_told_once_to_those_who_manage_the_chat(
        self, ann: User, bob: User, chat: Chat, webhook: Webhook
    ) -> None:
        helper = make_person("helper")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=helper.pk)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=helper.pk, role="admin")
        deliver()
        Notification.objects.all().delete()
        switch_off(webhook, reason=FAILED_FOR_LONG)
        events = deliver()
        tell_of_facts(events)
        assert [kinds_of(person) for person in (ann, helper, bob)] == [["webhook"], ["webhook"], []]
        (shown,) = notifications_page(helper)["notifications"]
        assert (shown["chat_id"], shown["actor"]["id"]) == (chat.pk, ann.pk)

    def test_by_a_person_is_told_to_nobody(self, ann: User, chat: Chat, webhook: Webhook) -> None:
        deliver()
        Notification.objects.all().delete()
        switch_off(webhook, actor=ann)
        deliver()
        assert not Notification.objects.exists()


class TestWebhookThatIsPaused:
    @pytest.fixture
    def helper(self, ann: User, chat: Chat) -> User:
        person = make_person("helper")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=person.pk)
        chats.set_role(actor=ann, chat_id=chat.pk, user_id=person.pk, role="admin")
        return person

    def make(self, owner: User, chat: Chat) -> None:
        create_incoming_webhook(actor=owner, chat_id=chat.pk, name="Builds")
        fields = {"owner": owner, "created_by": owner, "url": "https://192.0.2.1/"}
        Webhook.objects.create(chat=chat, name="Mirror", **fields)
        deliver()
        Notification.objects.all().delete()

    @pytest.mark.parametrize(
        "lose",
        [
            lambda ann, helper, chat: remove(chat, helper),
            lambda ann, helper, chat: chats.leave_chat(user=helper, chat_id=chat.pk),
            lambda ann, helper, chat: chats.set_role(
                actor=ann, chat_id=chat.pk, user_id=helper.pk, role="member"
            ),
            lambda ann, helper, chat: ban_person(
                make_person("root", is_superuser=True, is_staff=True), helper.pk, "spam"
            ),
            lambda ann, helper, chat: delete_account(User.objects.get(pk=helper.pk)),
        ],
        ids=["removed", "left", "demoted", "banned", "deleted"],
    )
    def test_is_told_once_to_those_who_manage_the_chat(
        self, ann: User, bob: User, chat: Chat, helper: User, lose: Any
    ) -> None:
        self.make(helper, chat)
        lose(ann, helper, chat)
        events = deliver()
        tell_of_facts(events)
        assert (kinds_of(ann), kinds_of(bob), kinds_of(helper)) == (["paused"], [], [])
        (shown,) = notifications_page(ann)["notifications"]
        assert (shown["chat_id"], shown["actor"]["id"]) == (chat.pk, helper.pk)

    def test_of_several_chats_is_told_for_each(self, ann: User, chat: Chat, helper: User) -> None:
        second = make_group(ann, helper)
        chats.set_role(actor=ann, chat_id=second.pk, user_id=helper.pk, role="admin")
        self.make(helper, second)
        self.make(helper, chat)
        ban_person(make_person("root", is_superuser=True, is_staff=True), helper.pk, "spam")
        deliver()
        told = Notification.objects.of(ann).values_list("chat_id", flat=True)
        assert sorted(told) == sorted([chat.pk, second.pk])

    def test_and_works_again_meanwhile_is_told_to_nobody(
        self, ann: User, chat: Chat, helper: User
    ) -> None:
        self.make(helper, chat)
        for role in ("member", "admin"):
            chats.set_role(actor=ann, chat_id=chat.pk, user_id=helper.pk, role=role)
        deliver()
        assert kinds_of(ann) == []


def deliver() -> list[Event]:
    return handle_waiting("notifications")


def skip() -> None:
    """What waits in the outbox is nothing that a test is about."""
    mark_published([(row, None) for row in read_waiting(limit=1000)])


def told(person: User) -> list[str]:
    """The kinds of what waits for them, oldest first."""
    return [each["kind"] for each in reversed(unseen_notifications(person)["newest"])]


@pytest.fixture
def chat(ann: User, bob: User) -> Chat:
    """A group of the two, of which nobody is told."""
    made = make_group(ann, bob)
    skip()
    return made


@pytest.fixture
def hears(django_capture_on_commit_callbacks: Any) -> Callable[..., list[dict[str, Any]]]:
    """`hears(person, change)`: the notification lines that a change sends to their browsers."""

    def run(person: User, change: Callable[[], object]) -> list[dict[str, Any]]:
        said: list[HubCommand] = []
        use_hub(said.extend)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                change()
        finally:
            use_hub(None)
        lines = [json.loads(e.line) for e in said if e.kind == "person" and e.user_id == person.pk]
        return [line for line in lines if line["type"] == "notification"]

    return run


def level(person: User, chat: Chat, level: str, *, minutes: int | None = None) -> None:
    set_notify(user=person, chat_id=chat.pk, level=level, mute_minutes=minutes)


def read(person: User, chat: Chat, seq: int) -> None:
    advance_cursors({(chat.pk, person.pk): Cursors(seq, seq)})


class TestMention:
    def test_tells_the_one_who_is_named_in_any_case_and_nobody_else(self, chat, ann, bob):
        carl = make_person("carl")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=carl.pk)
        skip()
        post(chat, ann, f"Look, @{bob.username.upper()}, and @nobody-77!")
        deliver()
        assert (told(ann), told(bob), told(carl)) == ([], ["mention"], [])

    def test_finds_a_name_of_any_alphabet_in_any_case(self, chat, ann):
        jana = make_person("Яна")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=jana.pk)
        skip()
        post(chat, ann, f"@{jana.username.lower()}")
        deliver()
        assert told(jana) == ["mention"]

    def test_finds_a_name_in_every_form_of_unicode(self, chat, ann):
        josef, other = make_person("йозеф"), make_person("иозеф")
        for person in (josef, other):
            chats.add_member(actor=ann, chat_id=chat.pk, user_id=person.pk)
        skip()
        post(chat, ann, unicodedata.normalize("NFD", f"@{josef.username.title()}, смотри"))
        deliver()
        assert (told(josef), told(other)) == (["mention"], [])

    def test_does_not_tell_its_writer(self, chat, ann):
        post(chat, ann, f"@{ann.username}")
        deliver()
        assert told(ann) == []

    def test_does_not_tell_a_stranger_nor_who_left_nor_the_banned_nor_a_bot(self, chat, ann, bob):
        eve, gone, bot = make_person("eve"), make_person("gone"), make_person("bot", is_bot=True)
        for person in (gone, bot):
            Membership.objects.create(chat=chat, user=person)
        remove(chat, gone)
        ban(bob)
        post(chat, ann, " ".join(f"@{who.username}" for who in (eve, gone, bob, bot)))
        deliver()
        assert not Notification.objects.exists()

    def test_does_not_tell_whoever_has_read_it_already(self, chat, ann, bob):
        post(chat, ann, f"@{bob.username}")
        read(bob, chat, 1)
        deliver()
        assert not Notification.objects.exists()

    def test_in_code_is_none(self, chat, ann, bob):
        post(chat, ann, f"`@{bob.username}`")
        deliver()
        assert told(bob) == []

    def test_of_the_same_person_in_another_chat_does_not_count_here(self, chat, ann, bob):
        other = make_group(ann, bob)
        skip()
        post(chat, ann, f"@{bob.username}")
        post(other, ann, "nothing")
        deliver()
        assert [n.chat_id for n in Notification.objects.all()] == [chat.pk]

    def test_says_who_where_and_how_the_message_begins(self, chat, ann, bob):
        posted = post(chat, ann, f"@{bob.username} " + "x" * 500)
        deliver()
        (shown,) = unseen_notifications(bob)["newest"]
        assert shown["actor"] == {"id": ann.pk, "name": ann.username, "username": ann.username}
        assert (shown["chat_id"], shown["message"]["seq"]) == (chat.pk, posted.seq)
        assert shown["message"]["id"] == posted.message_id
        assert len(shown["message"]["content"]) == 120


class TestReply:
    def test_tells_the_writer_of_the_message(self, chat, ann, bob):
        said = post(chat, bob)
        post(chat, ann, "Yes", reply_to_id=said.message_id)
        deliver()
        assert (told(ann), told(bob)) == ([], ["reply"])

    def test_to_oneself_tells_nobody(self, chat, ann):
        said = post(chat, ann)
        post(chat, ann, "Besides", reply_to_id=said.message_id)
        deliver()
        assert not Notification.objects.exists()

    def test_that_names_the_writer_too_tells_once(self, chat, ann, bob):
        said = post(chat, bob)
        post(chat, ann, f"Yes, @{bob.username}", reply_to_id=said.message_id)
        deliver()
        assert told(bob) == ["mention"]


class TestDirectMessage:
    def test_tells_the_other_one_of_every_message(self, ann, bob):
        direct = make_direct(ann, bob)
        first = post(direct, ann, "One")
        post(direct, ann, f"@{bob.username}, two", reply_to_id=first.message_id)
        deliver()
        assert (told(ann), told(bob)) == ([], ["direct", "direct"])


class TestInvite:
    def test_tells_whoever_was_added(self, chat, ann, bob):
        carl = make_person("carl")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=carl.pk)
        deliver()
        (shown,) = unseen_notifications(carl)["newest"]
        assert (shown["kind"], shown["chat_id"], shown["message"]) == ("invite", chat.pk, None)
        assert shown["actor"]["id"] == ann.pk
        assert told(bob) == []

    def test_is_none_for_whoever_joined_by_themselves(self, ann):
        public, carl = make_public(ann), make_person("carl")
        chats.join_chat(user=carl, chat_id=public.pk)
        deliver()
        assert not Notification.objects.exists()

    def test_is_none_for_whoever_was_removed_meanwhile(self, chat, ann):
        carl = make_person("carl")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=carl.pk)
        remove(chat, carl)
        deliver()
        assert not Notification.objects.exists()

    def test_by_nobody_who_is_known_is_none(self, chat, bob):
        record_fact("member.added", actor=None, chat_id=chat.pk, target=("person", bob.pk))
        deliver()
        assert not Notification.objects.exists()


class TestEdit:
    def test_that_names_somebody_tells_them(self, chat, ann, bob):
        said = post(chat, ann, "Look")
        edit_message(actor=ann, message_id=said.message_id, content=f"Look, @{bob.username}")
        deliver()
        assert told(bob) == ["mention"]

    def test_tells_nobody_twice(self, chat, ann, bob):
        said = post(chat, ann, f"@{bob.username}")
        deliver()
        for content in (f"@{bob.username}!", f"@{bob.username}!!"):
            edit_message(actor=ann, message_id=said.message_id, content=content)
        deliver()
        see_all_notifications(user=bob)
        edit_message(actor=ann, message_id=said.message_id, content=f"@{bob.username}?")
        deliver()
        assert Notification.objects.count() == 1

    def test_that_takes_a_name_out_takes_the_notification_back(self, chat, ann, bob, hears):
        carl = make_person("carl")
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=carl.pk)
        skip()
        said = post(chat, ann, f"@{bob.username} and @{carl.username}")
        deliver()
        (row,) = Notification.objects.of(bob)
        edit_message(actor=ann, message_id=said.message_id, content=f"@{carl.username}")
        assert hears(bob, deliver) == [{"type": "notification", "gone": [row.pk]}]
        assert (told(bob), mention_counts(bob), told(carl)) == ([], {}, ["mention"])

    def test_that_takes_a_name_out_also_takes_back_what_was_seen(self, chat, ann, bob):
        said = post(chat, ann, f"@{bob.username}")
        deliver()
        see_all_notifications(user=bob)
        edit_message(actor=ann, message_id=said.message_id, content="Look")
        deliver()
        assert notifications_page(bob)["notifications"] == []

    def test_before_the_bus_has_told_of_the_message_decides(self, chat, ann, bob, hears):
        said = post(chat, ann, f"@{bob.username}")
        edit_message(actor=ann, message_id=said.message_id, content="Look")
        assert hears(bob, deliver) == []
        assert not Notification.objects.exists()

    def test_that_puts_a_name_back_tells_again(self, chat, ann, bob):
        said = post(chat, ann, f"@{bob.username}")
        for content in ("Look", f"Look, @{bob.username}"):
            deliver()
            edit_message(actor=ann, message_id=said.message_id, content=content)
        deliver()
        assert told(bob) == ["mention"]

    @pytest.mark.parametrize("is_known", [True, False])
    def test_leaves_a_reply_that_it_is(self, chat, ann, bob, is_known):
        first = post(chat, bob, "Who?")
        said = post(chat, ann, f"@{bob.username}", reply_to_id=first.message_id)
        if is_known:
            deliver()
        edit_message(actor=ann, message_id=said.message_id, content="You")
        deliver()
        assert told(bob) == ["reply"]

    def test_of_what_was_read_tells_nobody(self, chat, ann, bob):
        said = post(chat, ann, "Look")
        read(bob, chat, 1)
        edit_message(actor=ann, message_id=said.message_id, content=f"@{bob.username}")
        deliver()
        assert told(bob) == []


class TestDeletedMessage:
    def test_takes_its_notifications_back(self, chat, ann, bob, hears):
        said = post(chat, ann, f"@{bob.username}")
        deliver()
        (row,) = Notification.objects.all()
        delete_message(actor=ann, message_id=said.message_id)
        assert told(bob) == []  # at once, not only when the bus tells of it
        assert hears(bob, deliver) == [{"type": "notification", "gone": [row.pk]}]
        assert not Notification.objects.exists()

    def test_that_was_never_told_of_stays_untold(self, chat, ann, bob):
        said = post(chat, ann, f"@{bob.username}")
        delete_message(actor=ann, message_id=said.message_id)
        deliver()
        assert not Notification.objects.exists()

    def test_hidden_by_staff_is_not_shown_either(self, chat, ann, bob):
        said = post(chat, ann, f"@{bob.username}")
        deliver()
        Message.objects.filter(pk=said.message_id).update(hidden_at=timezone.now())
        assert told(bob) == []
        assert notifications_page(bob)["notifications"] == []
        assert mention_counts(bob) == {}


class TestLevel:
    def test_of_mentions_leaves_them_and_replies_and_direct_messages(self, chat, ann, bob):
        direct = make_direct(ann, bob)
        for each in (chat, direct):
            level(bob, each, "mentions")
        said = post(chat, bob)
        post(chat, ann, "plain")
        post(chat, ann, "reply", reply_to_id=said.message_id)
        post(chat, ann, f"@{bob.username}")
        post(direct, ann)
        deliver()
        assert sorted(told(bob)) == ["direct", "mention", "reply"]

    def test_of_nothing_leaves_nothing(self, chat, ann, bob):
        direct = make_direct(ann, bob)
        for each in (chat, direct):
            level(bob, each, "nothing")
            post(each, ann, f"@{bob.username}")
        deliver()
        assert not Notification.objects.exists()

    def test_of_everything_tells_of_no_plain_message_of_a_group(self, chat, ann, bob):
        post(chat, ann)
        deliver()
        assert told(bob) == []

    def test_stands_in_the_summary(self, chat, bob):
        assert chat_summary(bob, chat.pk)["notify"] == "all"
        level(bob, chat, "mentions", minutes=60)
        summary = chat_summary(bob, chat.pk)
        assert summary["notify"] == "mentions"
        assert summary["muted_until"] is not None

    def test_change_is_told_to_ones_own_browsers(
        self, chat, bob, django_capture_on_commit_callbacks
    ):
        said: list[HubCommand] = []
        use_hub(said.extend)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                level(bob, chat, "nothing")
        finally:
            use_hub(None)
        (event,) = said
        assert (event.kind, event.user_id) == ("person", bob.pk)
        assert json.loads(event.line) == {
            "type": "chat.updated",
            "chat_id": chat.pk,
            "notify": "nothing",
            "muted_until": None,
        }


class TestMute:
    def test_keeps_count_of_what_concerns_one(self, chat, ann, bob):
        level(bob, chat, "all", minutes=60)
        post(chat, ann, f"@{bob.username}")
        deliver()
        assert chat_summary(bob, chat.pk)["mentions"] == 1

    def test_ends_by_itself(self, chat, bob):
        level(bob, chat, "all", minutes=60)
        past = timezone.now() - timedelta(seconds=1)
        Membership.objects.filter(chat=chat, user=bob).update(muted_until=past)
        assert chat_summary(bob, chat.pk)["muted_until"] is None

    def test_can_be_ended_and_last_for_good(self, chat, bob):
        level(bob, chat, "all", minutes=100 * 365 * 24 * 60)
        assert chat_summary(bob, chat.pk)["muted_until"] > "2100"
        level(bob, chat, "all")
        assert membership(chat, bob).muted_until is None


class TestSeen:
    @pytest.fixture
    def three(self, chat: Chat, ann: User, bob: User) -> list[int]:
        """Ids of three mentions of bob, at seq 1 to 3."""
        post_messages([new_post(chat, ann, f"@{bob.username} {n}") for n in range(3)])
        deliver()
        return list(Notification.objects.order_by("pk").values_list("pk", flat=True))

    def test_by_reading_the_chat_as_far_as_that(self, chat, bob, three, hears):
        assert mention_counts(bob) == {chat.pk: 3}
        (line,) = hears(bob, lambda: read(bob, chat, 2))
        assert line == {"type": "notification", "seen": three[:2]}
        assert unseen_notifications(bob)["unseen"] == 1
        assert mention_counts(bob) == {chat.pk: 1}

    def test_by_reading_are_only_ones_own(self, chat, ann, bob, three):
        carl = make_person("carl")
        Membership.objects.create(chat=chat, user=carl)
        read(carl, chat, 3)
        assert unseen_notifications(bob)["unseen"] == 3

    def test_one_by_one_or_all_on_every_device(self, bob, three, hears):
        one = lambda: see_notifications(user=bob, ids=[three[1]])  # noqa: E731
        assert hears(bob, one) == [{"type": "notification", "seen": [three[1]]}]
        assert hears(bob, one) == []
        up_to = lambda: see_all_notifications(user=bob, up_to=three[1])  # noqa: E731
        assert hears(bob, up_to) == [{"type": "notification", "seen_up_to": three[0]}]
        (line,) = hears(bob, lambda: see_all_notifications(user=bob))
        assert line == {"type": "notification", "seen_up_to": three[2]}
        assert hears(bob, lambda: see_all_notifications(user=bob)) == []
        assert told(bob) == []
        assert [n["seen"] for n in notifications_page(bob)["notifications"]] == [True] * 3

    def test_are_nobody_elses_to_mark(self, ann, bob, three):
        see_notifications(user=ann, ids=three)
        see_all_notifications(user=ann)
        assert unseen_notifications(bob)["unseen"] == 3

    def test_over_http(self, bob, three):
        browser = browser_of(bob)

        def see(**body: Any) -> int:
            answer = browser.post("/api/notifications/seen", body, "application/json")
            assert answer.status_code == 204, answer.content
            return int(browser.get("/api/chats").json()["notifications"]["unseen"])

        assert see(ids=[three[0]]) == 2
        assert see(up_to=three[1]) == 1
        assert see(all=True) == 0
        for wrong in ({}, {"all": False}):
            answer = browser.post("/api/notifications/seen", wrong, "application/json")
            assert answer.status_code == 400

    def test_does_not_lag_behind_reading(self, chat, bob, three):
        """A reader whose notification was written meanwhile: what was read is not waiting."""
        Membership.objects.filter(chat=chat, user=bob).update(read_seq=3)
        assert told(bob) == []
        assert mention_counts(bob) == {}

    def test_none_cost_one_query_when_people_read(self, chat, ann, bob, django_assert_num_queries):
        from chat.events.statuses import Moved
        from chat.services.notifications import see_what_was_read

        moved = [
            Moved(chat.pk, who.pk, 1, 1, has_received=True, has_read=True, shares_reading=True)
            for who in (ann, bob)
        ]
        with django_assert_num_queries(1):
            see_what_was_read(moved)


class TestOncePerEvent:
    def test_however_often_it_is_delivered(self, chat, ann, bob):
        said = post(chat, bob)
        post(chat, ann, f"@{bob.username}", reply_to_id=said.message_id)
        chats.add_member(actor=ann, chat_id=chat.pk, user_id=make_person("carl").pk)
        events = deliver()
        for _ in range(3):
            tell_of_messages([e for e in events if e.topic == "chat-messages"])
            tell_of_facts([e for e in events if e.topic == "audit-events"])
        assert sorted(Notification.objects.values_list("kind", flat=True)) == ["invite", "mention"]

    def test_nothing_is_told_before_it_is_committed(self, chat, ann, bob, hears):
        post(chat, ann, f"@{bob.username}")
        (line,) = hears(bob, deliver)
        assert line["notification"]["kind"] == "mention"
        assert line["notification"]["id"] == Notification.objects.get().pk

    def test_events_of_nothing_that_is_known_change_nothing(self, chat, ann, bob):
        post(chat, ann, f"@{bob.username}")
        (event, *_) = [e for e in deliver() if e.topic == "chat-messages"]
        Notification.objects.all().delete()
        for strange in ({"messageId": "999999"}, {"chatId": "999999"}, {"replyTo": "999999"}):
            changed = Event(
                **{
                    **{name: getattr(event, name) for name in Event.__slots__},
                    "event_id": uuid.uuid4(),
                    "payload": {**event.payload, "content": "no name", **strange},
                }
            )
            tell_of_messages([changed])
        assert not Notification.objects.exists()


class TestManyMembers:
    def test_cost_nothing_unless_someone_is_named(self, ann, django_assert_max_num_queries):
        crowd = make_people(*["member"] * 300)
        chat = make_group(ann)
        Membership.objects.bulk_create(Membership(chat=chat, user=who) for who in crowd)
        skip()
        post_messages([new_post(chat, ann, "plain @ and a@b") for _ in range(50)])
        events = [event_of(row) for row in read_waiting(limit=100)]
        with django_assert_max_num_queries(3):  # one, and its savepoint
            tell_of_messages(events)
        mark_published([(row, None) for row in read_waiting(limit=100)])
        posts = [new_post(chat, ann, f"@{who.username} @{crowd[0].username}") for who in crowd[:50]]
        post_messages(posts)
        events = [event_of(row) for row in read_waiting(limit=100)]
        with django_assert_max_num_queries(9):
            tell_of_messages(events)
        assert Notification.objects.count() == 50 + 49


class TestPage:
    def test_is_newest_first_and_goes_on(self, chat, ann, bob):
        post_messages(
            [new_post(chat, ann, f"@{bob.username} {n}") for n in range(PAGE_NOTIFICATIONS + 5)]
        )
        deliver()
        browser = browser_of(bob)
        first = browser.get("/api/notifications").json()
        assert first["more"] is True
        last = first["notifications"][-1]["id"]
        second = browser.get(f"/api/notifications?before={last}").json()
        assert second["more"] is False
        seqs = [n["message"]["seq"] for n in first["notifications"] + second["notifications"]]
        assert seqs == list(range(PAGE_NOTIFICATIONS + 5, 0, -1))
        standing = unseen_notifications(bob)
        assert standing["unseen"] == PAGE_NOTIFICATIONS + 5
        assert len(standing["newest"]) == PAGE_NOTIFICATIONS

    def test_holds_nothing_of_a_chat_that_one_is_no_longer_in(self, chat, ann, bob):
        post(chat, ann, f"@{bob.username}")
        deliver()
        remove(chat, bob)
        assert notifications_page(bob)["notifications"] == []
        assert unseen_notifications(bob) == {"unseen": 0, "newest": []}

    def test_holds_nothing_of_others(self, chat, ann, bob):
        post(chat, ann, f"@{bob.username}")
        deliver()
        assert browser_of(ann).get("/api/notifications").json()["notifications"] == []


class TestSocket:
    async def test_is_welcomed_with_what_waits_and_told_of_what_comes(
        self, connect, chat, ann, bob
    ):
        def name_bob() -> None:
            post(chat, ann, f"@{bob.username}")
            deliver()

        await in_thread(name_bob)
        here = await connect(bob)
        elsewhere = await connect(bob)
        assert here.welcome["notifications"]["unseen"] == 1
        assert [c["mentions"] for c in here.welcome["chats"]] == [1]
        await in_thread(name_bob)
        line = await here.next("notification")
        assert line["notification"]["kind"] == "mention"
        await here.send("receipt", chat_id=chat.pk, read_seq=2)
        while "seen" not in (line := await elsewhere.next("notification")):
            pass
        assert len(line["seen"]) == 2
