"""Several who come at once get what each would have got alone, at the price of one."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.models import Block, Notification, User
from chat.reads.blocks import blocked_ids, people_apart
from chat.reads.newcomers import rooms_of, standings_of
from chat.reads.notifications import unseen_notifications
from chat.reads.sessions import signed_in
from chat.reads.summaries import active_chat_ids, chat_summaries
from tests.integration.chat.conftest import in_thread
from tests.support import people
from tests.support.sockets import ChatSocket

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> list[User]:
    """Five people: groups that overlap, a direct chat, a closed one, a mention, a block."""
    made = people.make_people("ann", "bob", "carol", "dan", "eve")
    ann, bob, carol, dan, eve = made
    group = people.make_group(ann, bob, carol)
    people.make_group(bob, carol, dan)
    people.post(people.make_direct(ann, dan), dan, "Between us")
    said = people.post(group, bob, "Hello @ann")
    Notification.objects.create(
        user=ann,
        kind="mention",
        chat=group,
        actor=bob,
        message_id=said.message_id,
        event_id=uuid.uuid4(),
    )
    people.make_direct(bob, eve)
    Block.objects.create(blocker=eve, blocked=bob)
    Block.objects.create(blocker=eve, blocked=ann)
    return made


def standing_of(user: User) -> tuple[Any, ...]:
    return (chat_summaries(user), unseen_notifications(user), blocked_ids(user))


def queries_of(read: Any, *arguments: Any) -> int:
    with CaptureQueriesContext(connection) as asked:
        read(*arguments)
    return len(asked)


class TestStandings:
    def test_are_those_of_each_alone(self, world):
        assert [tuple(one) for one in standings_of(world)] == [standing_of(user) for user in world]

    def test_of_one_person_with_two_browsers_are_two(self, world):
        one, other = standings_of([world[0], world[0]])
        assert one == other
        one.chats[0]["present"] = [1]
        assert other.chats[0]["present"] == []

    def test_of_nobody_are_none(self):
        assert standings_of([]) == []

    def test_take_no_more_queries_for_many(self):
        many = people.make_people(*"abcdefgh")
        people.make_group(*many)
        assert queries_of(standings_of, many) == queries_of(standings_of, many[:1]) <= 11


class TestRooms:
    def test_are_those_of_each_alone(self, world):
        for user, rooms in zip(world, rooms_of([user.pk for user in world]), strict=True):
            assert rooms.chat_ids == set(active_chat_ids(user))
            assert rooms.apart == people_apart([user.pk])[user.pk]

    def test_take_no_more_queries_for_many(self, world):
        ids = [user.pk for user in world]
        assert queries_of(rooms_of, ids) == queries_of(rooms_of, ids[:1]) == 2


class TestSignedIn:
    def test_are_the_people_of_their_sessions(self, world):
        keys = [people.session_key(user) for user in world]
        assert signed_in([*keys, "unknown-session"]) == [*world, None]

    def test_take_no_more_queries_for_many(self, world):
        keys = [people.session_key(user) for user in world]
        assert queries_of(signed_in, keys) == queries_of(signed_in, keys[:1]) == 2

    def test_with_two_browsers_are_not_the_same_object(self, world):
        one, other = signed_in([people.session_key(world[0])] * 2)
        assert one == other
        assert one is not other

    def test_are_none_where_the_session_is_over(self, world):
        key = people.session_key(world[0])
        Session.objects.filter(session_key=key).update(expire_date=timezone.now() - timedelta(1))
        assert signed_in([key]) == [None]

    @pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!another"}], ids=str)
    def test_are_none_who_may_not_come_any_more(self, world, change):
        key = people.session_key(world[0])
        get_user_model().objects.filter(pk=world[0].pk).update(**change)
        assert signed_in([key]) == [None]


class TestOpening:
    async def test_with_an_older_secret_is_left_to_django(self, live):
        ann = await in_thread(people.make_person, "ann")
        cookie = await in_thread(people.session_cookie, ann)
        before = [settings.SECRET_KEY]
        with override_settings(SECRET_KEY="new" * 20, SECRET_KEY_FALLBACKS=before):
            socket = await ChatSocket(cookie).open()
            assert socket.welcome["user"]["id"] == ann.pk
            await socket.leave()

    async def test_without_a_session_is_told_so(self, live):
        socket = ChatSocket("sessionid=no-such-session")
        await socket.shake_hands()
        assert await socket.closed() == 4401
