"""Somebody holds a chat's row for long: a frozen process, a hand in the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from chat.events.statuses import status_payload
from chat.events.topics import STATUS_TOPIC
from chat.live.runtime import runtime
from chat.models import Chat, Membership, User
from chat.services.cursors.published import follow_relay
from messaging.contract.events import Event
from messaging.contract.records import RecordPosition
from messaging.handling.dispatch import Dispatcher, Progress
from messaging.handling.registry import MAIN_GROUP, registry
from messaging.outbox.rows import read_waiting
from tests.integration.chat.conftest import in_thread, until_true
from tests.support import people
from tests.support.processes import PATIENCE

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

CHAT = "SELECT FROM chat_chat WHERE id = %s FOR NO KEY UPDATE"
MEMBERS = "SELECT FROM chat_membership WHERE chat_id = %s FOR UPDATE"


@contextmanager
def held(query: str, chat_id: int) -> Iterator[None]:
    """Its rows are locked by another connection."""
    given = connection.settings_dict
    with psycopg.connect(
        host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"],
        dbname=given["NAME"],
    ) as other:  # fmt: skip
        other.execute(query, [chat_id])
        yield


@pytest.fixture
async def hold() -> AsyncIterator[Callable[[str, Chat], Any]]:
    """What it returns lets go; at the end everything is let go of."""
    async with AsyncExitStack() as stack:

        async def take(query: str, chat: Chat) -> Callable[[], Any]:
            lock = held(query, chat.pk)
            await in_thread(lock.__enter__)
            is_held = True

            async def let_go() -> None:
                nonlocal is_held
                if is_held:
                    is_held = False
                    await in_thread(lock.__exit__, None, None, None)

            stack.push_async_callback(let_go)
            return let_go

        yield take


@pytest.fixture
async def world(live) -> tuple[User, Chat, Chat]:
    """Ann, a chat that will be locked, and another."""

    def make() -> tuple[User, Chat, Chat]:
        ann = people.make_person("ann")
        return ann, people.make_group(ann), people.make_group(ann)

    return await in_thread(make)


async def say(chat: Chat, person: User, text: str) -> Any:
    return await people.outcome_of(runtime().poster, people.new_post(chat, person, text))


class TestALockedChat:
    async def test_keeps_nobody_else_waiting_and_has_its_messages_afterwards(
        self, world, hold, caplog
    ):
        ann, stuck, free = world
        let_go = await hold(CHAT, stuck)
        with caplog.at_level(logging.WARNING):
            waiting = [asyncio.create_task(say(stuck, ann, text)) for text in ("one", "two")]
            async with asyncio.timeout(5 * PATIENCE):
                for seq in (1, 2, 3):
                    assert (await say(free, ann, "hello")).seq == seq
        assert not any(task.done() for task in waiting)
        assert {record.msg for record in caplog.records} == {"a chat is locked by somebody"}
        await let_go()
        assert [outcome.seq for outcome in await asyncio.gather(*waiting)] == [1, 2]

    async def test_keeps_no_receipt_of_others_waiting(self, world, hold):
        from chat.services.cursors.receipts import Cursors

        ann, stuck, free = world
        for chat in (stuck, free):
            await say(chat, ann, "hello")
        await in_thread(Membership.objects.update, read_seq=0, delivered_seq=0)
        let_go = await hold(MEMBERS, stuck)
        for chat in (stuck, free):
            runtime().receipts.add(chat.pk, ann.pk, Cursors(1, 1))

        async def has_read(chat: Chat) -> bool:
            row = await Membership.objects.aget(chat=chat, user=ann)
            return row.read_seq == 1

        await until_true(lambda: has_read(free))
        assert not await has_read(stuck)
        await let_go()
        await until_true(lambda: has_read(stuck))

    async def test_does_not_stop_the_relay(self, world, hold):
        ann, stuck, free = world
        for chat in (stuck, free):
            await say(chat, ann, "hello")
        rows = await in_thread(lambda: list(read_waiting(limit=100)))
        await hold(CHAT, stuck)
        async with asyncio.timeout(5 * PATIENCE):
            await in_thread(follow_relay, rows)
        published = dict([pair async for pair in Chat.objects.values_list("pk", "published_seq")])
        assert published == {stuck.pk: 0, free.pk: 1}

    async def test_keeps_no_status_from_the_bus_of_others_waiting(self, world, hold):
        """Whatever wants its row waits; what somebody else wrote about other chats does not."""
        ann, stuck, free = world
        for chat in (stuck, free):
            await say(chat, ann, "hello")
        await in_thread(Membership.objects.update, read_seq=0, delivered_seq=0)
        let_go = await hold(MEMBERS, stuck)
        lanes = {chat: [read_by(ann, chat)] for chat in (stuck, free)}
        dispatcher = Dispatcher(registry, MAIN_GROUP, letters=NoLetters())

        async with asyncio.timeout(5 * PATIENCE):
            progress = await in_thread(dispatcher.process, lanes)
        assert progress[free] == Progress(1)
        assert progress[stuck].is_blocked
        await let_go()
        assert (await in_thread(dispatcher.process, {stuck: lanes[stuck]}))[stuck] == Progress(1)
        assert await Membership.objects.filter(user=ann, read_seq=1).acount() == 2


class NoLetters:
    def holds(self, event: Event, handler: str) -> bool:
        return False

    def add(self, event: Event, handler: str, error: Exception, *, attempts: int) -> None:
        raise AssertionError(f"{handler} set a good event aside: {error}")

    def note_success(self, handlers: Iterable[str]) -> None: ...


def read_by(person: User, chat: Chat) -> Event:
    """As a phone gateway writes it."""
    return Event(
        event_id=uuid4(),
        event_type="status.read",
        topic=STATUS_TOPIC,
        key=str(chat.pk),
        schema_version=1,
        payload=status_payload("read", str(chat.pk), 1, message_id=None, user_id=str(person.pk)),
        produced_at=timezone.now(),
        position=RecordPosition(STATUS_TOPIC, 0, chat.pk),
    )
