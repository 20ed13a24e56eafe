"""How many writes a large chat makes in which everyone reads along."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from chat.database.threads import DatabaseThreads
from chat.events.statuses import Moved
from chat.live.receipt_buffer import MAX_OF_A_CHAT, ReceiptBuffer
from chat.models import Chat, Membership, User
from chat.services.cursors.receipts import Cursors
from chat.services.posting.posting import post_messages
from chat.signals import cursors_moved
from messaging.models import OutboxEvent
from tests.integration.chat.conftest import in_thread
from tests.support.people import make_group, make_person, new_post

MEMBERS, SECONDS = 1000, 5


def make_crowd() -> tuple[Chat, list[int]]:
    owner = make_person("owner")
    chat = make_group(owner)
    people = User.objects.bulk_create(User(username=f"reader-{n}") for n in range(MEMBERS - 1))
    Membership.objects.bulk_create(Membership(chat=chat, user=person) for person in people)
    post_messages([new_post(chat, owner) for _ in range(100)])
    OutboxEvent.objects.all().delete()
    return chat, [person.pk for person in people]


class TestAThousandWhoAllRead:
    async def test_make_a_few_hundred_writes_a_second(self, live: None) -> None:
        """Rows that change and rows of the outbox, while ten messages a second are read by all."""
        chat, people = await in_thread(make_crowd)
        moved: list[Moved] = []

        def count(sender: object, **announced: Any) -> None:
            moved.extend(announced["moved"])

        cursors_moved.connect(count)
        threads = DatabaseThreads("reader", size=1)
        buffer = ReceiptBuffer(threads, lambda chat_id: MEMBERS)
        try:
            began_at = time.monotonic()
            seq = 0
            while time.monotonic() - began_at < SECONDS:
                seq += 1
                for user_id in people:
                    buffer.add(chat.pk, user_id, Cursors(min(seq + 1, 100), min(seq, 100)))
                await asyncio.sleep(0.1)
            took = time.monotonic() - began_at
            events = await in_thread(OutboxEvent.objects.count)
            assert 0 < (len(moved) + events) / took <= 3 * MAX_OF_A_CHAT
            await buffer.drain()
        finally:
            cursors_moved.disconnect(count)
            await asyncio.get_running_loop().run_in_executor(None, threads.close)
        # Paced, not lost: at the end everyone has come as far as they read.
        behind = Membership.objects.filter(chat=chat, user_id__in=people, read_seq__lt=seq)
        assert not await in_thread(behind.exists)
