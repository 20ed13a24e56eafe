"""Receipts of many sockets are joined, and large chats paced: nothing is lost, nobody forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chat.database.threads import DatabaseThreads
from chat.live import receipt_buffer
from chat.live.receipt_buffer import MAX_OF_A_CHAT, ReceiptBuffer
from chat.services.cursors.receipts import Cursors
from messaging.away import DatabaseAwayError, DatabaseBusyError

CHAT, OTHER = 7, 8


class FakeDatabase(DatabaseThreads):
    """Takes the writes down instead; `members` is how large the chats are."""

    def __init__(self, members: int = 10) -> None:
        self.members = members
        self.writes: list[dict[tuple[int, int], Cursors]] = []
        self.errors: list[Exception] = []

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        (receipts,) = arguments
        if self.errors:
            raise self.errors.pop(0)
        self.writes.append(dict(receipts))
        return {chat_id: self.members for chat_id, _ in receipts}

    def people(self, number: int) -> list[int]:
        return [user_id for _, user_id in self.writes[number]]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_buffer, "WRITE_EVERY_SECONDS", 0)


async def finished(buffer: ReceiptBuffer) -> None:
    while buffer._writer is not None:
        await buffer._writer


def buffer_with(database: FakeDatabase, *, people_here: int = 1000) -> ReceiptBuffer:
    return ReceiptBuffer(database, lambda chat_id: people_here)


class TestJoining:
    async def test_of_several_the_furthest_counts(self) -> None:
        database = FakeDatabase()
        buffer = buffer_with(database)
        for cursors in (Cursors(5, 1), Cursors(3, 3), Cursors(4)):
            buffer.add(CHAT, 1, cursors)
        buffer.add(OTHER, 1, Cursors(9, 9))
        await finished(buffer)
        assert database.writes == [{(CHAT, 1): Cursors(5, 3), (OTHER, 1): Cursors(9, 9)}]

    async def test_what_comes_later_is_written_later(self) -> None:
        database = FakeDatabase()
        buffer = buffer_with(database)
        for seq in (1, 2):
            buffer.add(CHAT, 1, Cursors(seq))
            await finished(buffer)
        assert database.writes == [{(CHAT, 1): Cursors(1)}, {(CHAT, 1): Cursors(2)}]


class TestALargeChat:
    async def test_is_written_in_turns_and_everyone_has_theirs(self) -> None:
        database = FakeDatabase(members=1000)
        buffer = buffer_with(database)
        for user_id in range(1000):
            buffer.add(CHAT, user_id, Cursors(5, 5))
        await finished(buffer)
        assert [len(write) for write in database.writes] == [MAX_OF_A_CHAT] * 10
        assert [user for n in range(10) for user in database.people(n)] == list(range(1000))

    async def test_goes_on_with_whoever_waits_longest(self) -> None:
        """Also when those who were written move on at once."""
        database = FakeDatabase(members=1000)
        buffer = buffer_with(database)
        everyone = range(300)
        for user_id in everyone:
            buffer.add(CHAT, user_id, Cursors(1))
        for seq in range(2, 5):
            for user_id in everyone:
                buffer.add(CHAT, user_id, Cursors(seq))
            await buffer._write(buffer._take())
        assert sorted(user for n in range(3) for user in database.people(n)) == list(everyone)
        await finished(buffer)
        assert set(database.writes[-1].values()) == {Cursors(4)}

    async def test_gives_each_process_its_share(self) -> None:
        database = FakeDatabase(members=1000)
        buffer = buffer_with(database, people_here=250)
        for user_id in range(250):
            buffer.add(CHAT, user_id, Cursors(5))
        await finished(buffer)
        # How large it is, the first write tells.
        assert [len(write) for write in database.writes] == [100, 25, 25, 25, 25, 25, 25]

    async def test_does_not_keep_small_ones_waiting(self) -> None:
        database = FakeDatabase(members=1000)
        buffer = buffer_with(database)
        for user_id in range(1000):
            buffer.add(CHAT, user_id, Cursors(5))
        buffer.add(OTHER, 1, Cursors(5))
        await buffer._write(buffer._take())
        assert (OTHER, 1) in database.writes[0]
        await buffer.drain()

    async def test_that_is_small_again_is_not_paced(self) -> None:
        database = FakeDatabase(members=1000)
        buffer = buffer_with(database, people_here=90)
        buffer.add(CHAT, 1, Cursors(1))
        await finished(buffer)
        database.members = 90
        for user_id in range(90):
            buffer.add(CHAT, user_id, Cursors(2))
        await finished(buffer)
        for user_id in range(90):
            buffer.add(CHAT, user_id, Cursors(3))
        await finished(buffer)
        assert len(database.writes[-1]) == 90


class TestAtTheEnd:
    async def test_everything_is_written_at_once(self) -> None:
        database = FakeDatabase(members=1000)
        buffer = buffer_with(database)
        for user_id in range(1000):
            buffer.add(CHAT, user_id, Cursors(5))
        await buffer.drain()
        assert sum(len(write) for write in database.writes) == 1000
        assert buffer._writer is None


class TestADatabaseThatIsAway:
    async def test_loses_nothing(self) -> None:
        database = FakeDatabase()
        database.errors = [DatabaseAwayError()] * 2
        buffer = buffer_with(database)
        buffer.add(CHAT, 1, Cursors(5, 2))
        buffer.add(CHAT, 2, Cursors(1))
        await buffer._write(buffer._take())
        buffer.add(CHAT, 1, Cursors(4, 3))
        await finished(buffer)
        assert database.writes == [{(CHAT, 1): Cursors(5, 3), (CHAT, 2): Cursors(1)}]


class TestALockedChat:
    async def test_holds_no_receipt_of_another_back_and_loses_none_of_its_own(self) -> None:
        class Locked(FakeDatabase):
            tries = 0

            async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
                (receipts,) = arguments
                if any(chat_id == CHAT for chat_id, _ in receipts):
                    self.tries += 1
                    if self.tries < 4:
                        raise DatabaseBusyError
                return await super().run(function, *arguments)

        database = Locked()
        buffer = buffer_with(database)
        buffer.add(CHAT, 1, Cursors(5, 1))
        buffer.add(OTHER, 2, Cursors(9, 9))
        await finished(buffer)
        assert database.writes == [{(OTHER, 2): Cursors(9, 9)}, {(CHAT, 1): Cursors(5, 1)}]
