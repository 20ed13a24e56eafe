"""Rounds go through everyone, in shares: never all at once."""

from __future__ import annotations

import asyncio
from collections import Counter

from chat.database.threads import DatabaseThreads
from chat.live import watch
from chat.live.hub.hub import Hub
from chat.live.hub.sockets import Socket
from chat.live.presence import Presence
from chat.live.watch import HEADS_SHARES, Shares, Watch


class TestShares:
    def test_of_one_round_are_everyone_once(self):
        shares = Shares(5)
        found = [shares.next_of(range(100, 123)) for _ in range(5)]
        assert sorted(one for share in found for one in share) == list(range(100, 123))
        assert max(map(len, found)) - min(map(len, found)) <= 1

    def test_come_round_in_the_same_order(self):
        shares = Shares(3)
        rounds = [[shares.next_of(range(9)) for _ in range(3)] for _ in range(2)]
        assert rounds[0] == rounds[1]

    def test_count_those_who_have_come_since(self):
        shares = Shares(2)
        shares.next_of([2, 4])
        assert shares.next_of([2, 4, 5]) == {5}
        assert shares.next_of([2, 4, 5, 6]) == {2, 4, 6}


class TestHeads:
    async def test_of_a_crowd_are_asked_for_a_few_at_a_time(self, monkeypatch):
        async def nowhere(_: object) -> None:
            pass

        threads = DatabaseThreads("none", size=1)
        hub = Hub(threads)
        everyone = range(1, 4 * HEADS_SHARES + 1)
        for user_id in everyone:
            socket = Socket(
                user_id=user_id, user_name="", session_key="", send=nowhere, close=nowhere
            )
            hub.register(socket)
        asked: Counter[int] = Counter()
        at_once: list[int] = []
        monkeypatch.setattr(hub, "put", lambda socket, line: asked.update([socket.user_id]))
        done = asyncio.Event()

        async def count_what_was_asked(_: float) -> None:
            at_once.append(asked.total() - sum(at_once))
            if len(at_once) > HEADS_SHARES:
                done.set()
                await asyncio.Event().wait()

        monkeypatch.setattr("chat.live.watch.asyncio.sleep", count_what_was_asked)
        looking = Watch(hub, Presence(hub), threads)
        asking = asyncio.create_task(watch._forever(looking._send_heads))
        await asyncio.wait_for(done.wait(), 10)
        asking.cancel()
        assert asked == Counter(everyone)
        assert at_once == [0, *[4] * HEADS_SHARES]
