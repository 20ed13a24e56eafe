"""Blocking somebody: every road from one to the other, and that the other one is told nothing."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat import migrations
from chat.errors import ConflictError, ForbiddenError, NotFoundError
from chat.events.topics import AUDIT_TOPIC
from chat.live.poster import Poster
from chat.models import AuditEntry, Block, Chat, Message, Notification, User
from chat.services.chats.chats import add_member, open_direct_chat
from chat.services.messages import delete_message, set_reaction
from chat.services.people.account_deletion import delete_account
from chat.services.people.blocks import block_person, unblock_person
from chat.services.people.moderation import ban_person, unban_person
from chat.services.posting.posting import post_message, post_messages
from chat.webhooks import WEBHOOKS_GROUP
from messaging.handling.registry import registry
from tests.integration.chat.conftest import in_thread
from tests.support.bus_parts import handle_waiting
from tests.support.people import (
    browser_of,
    make_direct,
    make_group,
    make_people,
    make_person,
    new_post,
    outcome_of,
    post,
    post_text,
)
from tests.support.processes import PATIENCE

NOWHERE = "There is nothing here, or it is not yours."
CANNOT = "You cannot write to this person."
Answer = tuple[int, str]


def block(blocker: User, other: User) -> None:
    block_person(blocker=blocker, user_id=other.pk)


def unblock(blocker: User, other: User) -> None:
    unblock_person(blocker=blocker, user_id=other.pk)


class Two:
    """I and they, our direct chat, a group of both, what was said there; and a group of mine."""

    def __init__(self) -> None:
        self.me = make_person("me", display_name="Mia")
        self.them = make_person("them", display_name="Thea")
        self.direct = make_direct(self.me, self.them)
        self.shared = make_group(self.me, self.them)
        self.own = make_group(self.me)
        self.mine = post_text(self.direct, self.me, "my words")
        self.theirs = post_text(self.direct, self.them, "their words")
        self.asked = post_text(self.shared, self.them, "who comes?")
        set_reaction(actor=self.me, message_id=self.theirs.pk, emoji="👍", on=True)
        self.browser: Client = browser_of(self.me)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = json.dumps(body) if body is not None else b""
        return self.browser.generic(method, f"/api/{path}", data, content_type="application/json")

    def write(self, chat: Chat, content: str, **fields: Any) -> Any:
        body = {"client_message_id": str(uuid.uuid4()), "content": content, **fields}
        return self.ask("POST", f"chats/{chat.pk}/messages", body)

    def upload(self) -> Any:
        form = {"file": SimpleUploadedFile("plan.txt", b"words")}
        return self.browser.post(f"/api/chats/{self.direct.pk}/attachments", form)

    def react(self, *, on: bool) -> Any:
        body = {"emoji": "🎉" if on else "👍", "on": on}
        return self.ask("PUT", f"messages/{self.theirs.pk}/reactions", body)


@dataclass(frozen=True)
class Road:
    """What I do towards them, and what becomes of it in each state."""

    name: str
    take: Callable[[Two], Any]
    by_me: Answer
    by_them: Answer
    is_open: int = 200

    def __str__(self) -> str:
        return self.name


def read_on(name: str, take: Callable[[Two], Any]) -> Road:
    """What a block changes nothing of."""
    return Road(name, take, (200, ""), (200, ""))


UNBLOCK_FIRST = "You have blocked Thea. Unblock them first."
UNBLOCK_TO_WRITE = "You have blocked Thea. Unblock to write."
ROADS = [
    Road(
        "opening a direct chat",
        lambda two: two.ask("POST", "chats/direct", {"user_id": two.them.pk}),
        (404, UNBLOCK_FIRST),
        (404, NOWHERE),
    ),
    Road(
        "adding to a group",
        lambda two: two.ask("POST", f"chats/{two.own.pk}/members", {"user_id": two.them.pk}),
        (404, UNBLOCK_FIRST),
        (404, NOWHERE),
    ),
    *(
        Road(name, take, (403, UNBLOCK_TO_WRITE), (403, CANNOT), is_open)
        for name, take, is_open in (
            ("writing", lambda two: two.write(two.direct, "hello"), 200),
            (
                "replying",
                lambda two: two.write(two.direct, "hello", reply_to=two.theirs.pk),
                200,
            ),
            ("uploading", Two.upload, 201),
            (
                "editing",
                lambda two: two.ask("PATCH", f"messages/{two.mine.pk}", {"content": "better"}),
                200,
            ),
            ("reacting", lambda two: two.react(on=True), 200),
        )
    ),
    read_on("taking a reaction back", lambda two: two.react(on=False)),
    read_on("deleting one's own words", lambda two: two.ask("DELETE", f"messages/{two.mine.pk}")),
    read_on("reading", lambda two: two.ask("GET", f"chats/{two.direct.pk}/messages")),
    read_on("writing in a shared chat", lambda two: two.write(two.shared, "hello all")),
    read_on(
        "answering in a shared chat",
        lambda two: two.write(two.shared, "I do", reply_to=two.asked.pk),
    ),
    read_on("looking at the members", lambda two: two.ask("GET", f"chats/{two.shared.pk}/members")),
]
every_road = pytest.mark.parametrize("road", ROADS, ids=str)


@pytest.fixture
def two(db: None, settings: Any, tmp_path: Any) -> Two:
    settings.MEDIA_ROOT = str(tmp_path)
    return Two()


def answer_of(response: Any) -> Answer:
    is_refused = response.status_code >= 400
    return response.status_code, response.json()["error"]["detail"] if is_refused else ""


class TestEveryRoad:
    @every_road
    def test_is_open_to_those_whom_nothing_keeps_apart(self, two: Two, road: Road) -> None:
        assert answer_of(road.take(two)) == (road.is_open, "")

    @every_road
    def test_says_to_unblock_first_to_whom_it_was_that_blocked(self, two: Two, road: Road) -> None:
        block(two.me, two.them)
        assert answer_of(road.take(two)) == road.by_me

    @every_road
    def test_shows_no_block_to_who_was_blocked(self, two: Two, road: Road) -> None:
        block(two.them, two.me)
        assert answer_of(road.take(two)) == road.by_them

    @every_road
    def test_stays_closed_until_both_have_unblocked(self, two: Two, road: Road) -> None:
        block(two.me, two.them)
        block(two.them, two.me)
        unblock(two.me, two.them)
        assert answer_of(road.take(two)) == road.by_them
        unblock(two.them, two.me)
        assert answer_of(road.take(two)) == (road.is_open, "")

    @every_road
    def test_answers_of_a_block_as_of_an_account_that_is_gone(self, two: Two, road: Road) -> None:
        block(two.them, two.me)
        blocked = answer_of(road.take(two))
        unblock(two.them, two.me)
        two.mine, two.theirs = (post_text(two.direct, who, "again") for who in (two.me, two.them))
        two.asked = post_text(two.shared, two.them, "again")
        delete_account(two.them)
        assert answer_of(road.take(two)) == blocked

    def test_to_someone_who_has_blocked_takes_as_many_queries_as_to_nobody(self, two: Two) -> None:
        """How long an answer takes tells nothing."""

        def count(user_id: int) -> int:
            with CaptureQueriesContext(connection) as queries:
                two.ask("POST", "chats/direct", {"user_id": user_id})
            return len(queries)

        block(two.them, two.me)
        assert count(two.them.pk) == count(10**12)

    def test_is_refused_in_the_language_of_who_asks(self, two: Two) -> None:
        block(two.me, two.them)
        two.me.language = "ru"
        two.me.save()
        answer = two.write(two.direct, "привет")
        assert answer.json()["error"]["detail"].startswith("Thea: вы заблокировали")


class TestFinding:
    def found(self, two: Two) -> list[dict[str, Any]]:
        people: list[dict[str, Any]] = two.ask("GET", f"people?q={two.them.username}").json()[
            "people"
        ]
        return people

    def mentionable(self, two: Two) -> set[int]:
        answer = two.ask("GET", f"chats/{two.shared.pk}/mentionable?q=").json()
        return {person["id"] for person in answer["people"]}

    def test_the_blocker_finds_whom_to_unblock_marked(self, two: Two) -> None:
        assert [person.get("blocked") for person in self.found(two)] == [None]
        block(two.me, two.them)
        assert [person.get("blocked") for person in self.found(two)] == [True]

    def test_who_is_blocked_does_not_find_the_blocker(self, two: Two) -> None:
        block(two.them, two.me)
        assert self.found(two) == []

    @pytest.mark.parametrize("is_mine", [True, False])
    def test_nobody_is_offered_for_a_mention_across_a_block(self, two: Two, is_mine: bool) -> None:
        assert self.mentionable(two) == {two.me.pk, two.them.pk}
        block(*((two.me, two.them) if is_mine else (two.them, two.me)))
        assert self.mentionable(two) == {two.me.pk}


class TestNotifications:
    def said(self, two: Two) -> None:
        """Everything by which I could make them look up."""
        post(two.shared, two.me, f"@{two.them.username}, look")
        post(two.shared, two.me, "an answer", reply_to_id=two.asked.pk)

    def told(self, two: Two) -> list[str]:
        handle_waiting()
        told = Notification.objects.filter(user=two.them, actor=two.me, message__chat=two.shared)
        return sorted(told.values_list("kind", flat=True))

    def test_come_from_a_mention_and_a_reply(self, two: Two) -> None:
        self.said(two)
        assert self.told(two) == ["mention", "reply"]

    @pytest.mark.parametrize("is_mine", [True, False])
    def test_do_not_come_across_a_block(self, two: Two, is_mine: bool) -> None:
        block(*((two.me, two.them) if is_mine else (two.them, two.me)))
        self.said(two)
        assert self.told(two) == []

    @pytest.mark.parametrize("is_mine", [True, False])
    def test_do_not_come_of_what_was_said_or_done_just_before_it(
        self, two: Two, is_mine: bool
    ) -> None:
        handle_waiting()
        self.said(two)
        post(two.direct, two.me, "to you alone")
        add_member(actor=two.me, chat_id=two.own.pk, user_id=two.them.pk)
        block(*((two.me, two.them) if is_mine else (two.them, two.me)))
        before = Notification.objects.count()
        handle_waiting()
        assert Notification.objects.count() == before

    def test_come_again_once_it_is_taken_back(self, two: Two) -> None:
        block(two.them, two.me)
        unblock(two.them, two.me)
        self.said(two)
        assert self.told(two) == ["mention", "reply"]

    def test_of_others_come_all_the_same(self, two: Two) -> None:
        carol = make_person("carol")
        add_member(actor=two.me, chat_id=two.shared.pk, user_id=carol.pk)
        block(two.them, two.me)
        post(two.shared, carol, f"@{two.them.username} @{two.me.username}")
        handle_waiting()
        told = Notification.objects.filter(actor=carol, kind="mention")
        assert set(told.values_list("user", flat=True)) == {two.me.pk, two.them.pk}


class TestBlockPerson:
    def test_done_twice_is_done_once(self, ann: User, bob: User) -> None:
        block(ann, bob)
        block(ann, bob)
        assert Block.objects.count() == 1
        unblock(ann, bob)
        unblock(ann, bob)
        assert Block.objects.count() == 0
        handle_waiting()
        done = AuditEntry.objects.filter(action__startswith="person.").order_by("place")
        assert [(entry.action, entry.actor_id, entry.target_id) for entry in done] == [
            ("person.blocked", ann.pk, str(bob.pk)),
            ("person.unblocked", ann.pk, str(bob.pk)),
        ]

    def test_is_not_done_to_oneself_a_bot_or_nobody(self, ann: User) -> None:
        bot = make_person("bot", is_bot=True)
        for user_id, error in (
            (ann.pk, ConflictError),
            (bot.pk, ConflictError),
            (10**12, NotFoundError),
        ):
            with pytest.raises(error):
                block_person(blocker=ann, user_id=user_id)
        assert not Block.objects.exists()

    def test_of_a_deleted_account_changes_nothing(self, ann: User, bob: User) -> None:
        delete_account(bob)
        with pytest.raises(NotFoundError):
            block(ann, bob)
        unblock(ann, bob)

    def test_is_done_so_often_and_not_more(self, ann: User, settings: Any) -> None:
        settings.LIMIT_BLOCKS_PER_PERSON = 2
        first, second, third = make_people("a", "b", "c")
        block(ann, first)
        block(ann, second)
        with pytest.raises(ConflictError):
            block(ann, third)
        block(ann, second)
        unblock(ann, first)
        block(ann, third)

    def test_tells_hubs_nothing_for_the_one_who_is_blocked(self, two: Two, told: Any) -> None:
        """Their sockets are looked at again, which no browser sees."""
        for change in (lambda: block(two.me, two.them), lambda: unblock(two.me, two.them)):
            said = told(change)
            lines = [event for event in said if event.line]
            assert {event.user_id for event in lines} == {two.me.pk}
            assert {event.kind for event in lines} == {"person"}
            others = {(event.kind, event.user_id) for event in said if not event.line}
            assert others == {("recheck", two.me.pk), ("recheck", two.them.pk)}

    def test_reaches_no_webhook(self) -> None:
        assert registry.handlers(AUDIT_TOPIC, WEBHOOKS_GROUP) == []

    def test_changes_nothing_of_the_chats_themselves(self, two: Two) -> None:
        def seen_by_them() -> list[dict[str, Any]]:
            chats: list[dict[str, Any]] = browser_of(two.them).get("/api/chats").json()["chats"]
            return chats

        before = seen_by_them()
        block(two.me, two.them)
        after = seen_by_them()
        (direct,) = [chat for chat in after if chat["id"] == two.direct.pk]
        assert direct.pop("closed") is True
        assert after == before

    def test_is_known_to_the_blockers_pages_alone(self, two: Two) -> None:
        block(two.me, two.them)
        for person, is_blocker in ((two.me, True), (two.them, False)):
            answer = browser_of(person).get("/api/chats").json()
            (direct,) = [chat for chat in answer["chats"] if chat["kind"] == "direct"]
            assert (direct["closed"], "blocked" in direct) == (True, is_blocker)
            assert answer["blocked"] == ([two.them.pk] if is_blocker else [])
        assert browser_of(two.them).get("/api/blocks").json() == {"blocks": [], "more": False}

    def test_is_listed_newest_first_in_pages(
        self, ann: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chat.reads.blocks.PAGE_BLOCKS", 2)
        people = make_people("a", "b", "c")
        for person in people:
            block(ann, person)
        pages = [browser_of(ann).get("/api/blocks", {"page": page}).json() for page in (0, 1)]
        found = [row["user"]["id"] for page in pages for row in page["blocks"]]
        assert found == [person.pk for person in reversed(people)]
        assert [page["more"] for page in pages] == [True, False]


class TestPosting:
    def test_costs_no_query_more_in_a_direct_chat(self, two: Two) -> None:
        def count(chat: Chat) -> int:
            with CaptureQueriesContext(connection) as queries:
                post_messages([new_post(chat, two.me) for _ in range(10)])
            return len(queries)

        assert count(two.direct) == count(two.shared)

    def test_refuses_the_closed_chats_of_a_batch_alone(self, two: Two) -> None:
        block(two.them, two.me)
        outcomes = post_messages(
            [
                new_post(two.shared, two.me),
                new_post(two.direct, two.me),
                new_post(two.direct, two.them),
                new_post(two.own, two.me),
            ]
        )
        assert [isinstance(outcome, ForbiddenError) for outcome in outcomes] == [
            *(False, True, True, False)
        ]

    def test_sent_again_gives_the_message_that_was_saved_before(self, two: Two) -> None:
        once = new_post(two.direct, two.me)
        first = post_message(once)
        block(two.them, two.me)
        again = post_message(once)
        assert (again.message_id, again.duplicate) == (first.message_id, True)


class TestGoneAccounts:
    """A ban and a deletion close what the person could read; neither opens what a block closes."""

    @pytest.fixture
    def staff(self, db: None) -> User:
        return make_person("staff", is_superuser=True)

    def is_closed(self, two: Two) -> bool:
        two.direct.refresh_from_db()
        return two.direct.is_closed

    def test_banned_are_written_to_again_when_they_are_back(self, two: Two, staff: User) -> None:
        ban_person(staff, two.them.pk, "spam")
        assert answer_of(two.write(two.direct, "hello")) == (403, CANNOT)
        unban_person(staff, two.them.pk, "a mistake")
        assert answer_of(two.write(two.direct, "hello")) == (200, "")

    def test_banned_and_blocked_stay_closed_when_they_are_back(self, two: Two, staff: User) -> None:
        block(two.me, two.them)
        ban_person(staff, two.them.pk, "spam")
        unban_person(staff, two.them.pk, "a mistake")
        assert self.is_closed(two)

    def test_unblocked_stay_closed_while_they_are_banned(self, two: Two, staff: User) -> None:
        block(two.me, two.them)
        ban_person(staff, two.them.pk, "spam")
        unblock(two.me, two.them)
        assert self.is_closed(two)

    def test_deleted_take_their_blocks_with_them(self, two: Two) -> None:
        block(two.me, two.them)
        block(two.them, two.me)
        delete_account(two.them)
        assert not Block.objects.exists()
        assert self.is_closed(two)

    def test_of_before_there_were_blocks_are_closed_by_the_migration(self, two: Two) -> None:
        others = make_direct(two.me, make_person("other"))
        User.objects.filter(pk=two.them.pk).update(is_active=False)
        (file,) = Path(migrations.__path__[0]).glob("*_direct_chats_of_gone_people.py")
        migration = import_module(f"{migrations.__name__}.{file.stem}")
        migration.close(apps, SimpleNamespace(connection=connection))
        closed = Chat.objects.filter(is_closed=True)
        assert list(closed) == [two.direct]
        assert others not in closed

    def test_leave_groups_open(self, two: Two, staff: User) -> None:
        ban_person(staff, two.them.pk, "spam")
        assert not Chat.objects.exclude(kind="direct").filter(is_closed=True).exists()
        delete_message(actor=two.me, message_id=two.mine.pk)


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    """Whoever comes second waits for the block that is being written, and then sees it."""

    def while_blocking(self, ann: User, bob: User, action: Callable[[], object]) -> list[object]:
        """`action`, begun by another thread while a block is written and not committed yet."""
        results: list[object] = []
        begun = threading.Event()

        def work() -> None:
            begun.set()
            try:
                results.append(action())
            except (ForbiddenError, NotFoundError) as error:
                results.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=work)
        with transaction.atomic():
            block(ann, bob)
            thread.start()
            begun.wait(10 * PATIENCE)
            # Long enough to get to the lock, or to be through without one.
            thread.join(0.3)
        thread.join(30 * PATIENCE)
        assert not thread.is_alive()
        return results

    @pytest.mark.parametrize("is_blocker", [True, False])
    def test_a_post_is_refused(self, ann: User, bob: User, is_blocker: bool) -> None:
        direct = make_direct(ann, bob)
        sender = ann if is_blocker else bob
        (result,) = self.while_blocking(ann, bob, lambda: post(direct, sender))
        assert isinstance(result, ForbiddenError)
        assert not Message.objects.exists()

    def test_a_direct_chat_is_not_opened(self, ann: User, bob: User) -> None:
        (result,) = self.while_blocking(
            ann, bob, lambda: open_direct_chat(user=bob, other_id=ann.pk)
        )
        assert isinstance(result, NotFoundError)
        assert not Chat.objects.exists()

    def test_a_block_of_each_other_is_both(self, ann: User, bob: User) -> None:
        direct = make_direct(ann, bob)
        assert self.while_blocking(ann, bob, lambda: block(bob, ann)) == [None]
        assert Block.objects.count() == 2
        direct.refresh_from_db()
        assert direct.is_closed


class TestOverTheSocket:
    @pytest.mark.parametrize(
        ("is_mine", "detail"), [(True, "You have blocked"), (False, "You cannot write")]
    )
    async def test_nothing_is_written(self, ann, bob, connect, is_mine, detail) -> None:
        direct = await in_thread(make_direct, ann, bob)
        theirs = await in_thread(post_text, direct, bob, "before")
        own = await in_thread(post_text, direct, ann, "mine")
        at_anns = await connect(ann)
        await in_thread(block, *((ann, bob) if is_mine else (bob, ann)))
        asked = [
            await at_anns.say(direct.pk, "hello"),
            await at_anns.ask("message.edit", message_id=own.pk, content="other words"),
            await at_anns.ask("reaction.set", message_id=theirs.pk, emoji="👍", on=True),
        ]
        for answer in asked:
            assert (answer["type"], answer["code"]) == ("error", "forbidden")
            assert answer["detail"].startswith(detail)
        read = await at_anns.ask("chat.history", chat_id=direct.pk)
        assert [message["content"] for message in read["messages"]] == ["before", "mine"]

    async def test_the_poster_goes_on_after_a_refusal(self, ann, bob, live) -> None:
        direct = await in_thread(make_direct, ann, bob)
        await in_thread(block, bob, ann)
        poster = Poster()
        outcome = await outcome_of(poster, await in_thread(new_post, direct, ann))
        await poster.close()
        assert isinstance(outcome, ForbiddenError)
