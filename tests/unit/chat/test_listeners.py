"""A hub is sent what it listens to; what it could not be sent, it doubts."""

from __future__ import annotations

from typing import Any

import pytest

from chat.events.hub_commands import (
    GROUPS,
    HUBS_GROUP,
    MAX_GROUPS,
    SHARDS,
    HubCommand,
    by_group,
    layer_message,
    read_commands,
    shard_of,
)
from chat.live.hub.listeners import (
    ANNOUNCE_SECONDS,
    EXPECT_SECONDS,
    LEARN_SECONDS,
    LEASE_SECONDS,
    MAX_STRAIGHT,
    OLDER_LEASE_SECONDS,
    STILL_SECONDS,
    Listeners,
    Post,
)
from chat.live.presence import RENEW_SECONDS
from tests.support import needs
from tests.support.people import Clock

hypothesis = needs.hypothesis()
st = needs.module("hypothesis.strategies")


def line(chat_id: int) -> HubCommand:
    return HubCommand.to_chat(chat_id, {"type": "typing"})


class World:
    """Hubs beside each other; what one sends the others is in our hands."""

    def __init__(self, count: int) -> None:
        self.clock = Clock()
        self.hubs = [Listeners(f"hub {n}", clock=self.clock) for n in range(count)]
        self.waiting: list[list[dict[str, Any]]] = [[] for _ in self.hubs]
        # Chats, one in a shard, of which a hub was not sent something although it listens.
        self.missed: list[set[int]] = [set() for _ in self.hubs]

    def settle(self) -> None:
        for hub in self.hubs:
            hub.came_back()
        self.rounds(4)
        assert LEARN_SECONDS < 4 * ANNOUNCE_SECONDS

    def rounds(self, count: int) -> None:
        for _ in range(count):
            self.clock.move(ANNOUNCE_SECONDS)
            for n in range(len(self.hubs)):
                self.announce(n)
            for n in range(len(self.hubs)):
                self.read(n)

    def announce(self, who: int, *, lost: bool = False) -> None:
        message = self.hubs[who].announcement(f"channel {who}")
        for n, waiting in enumerate(self.waiting):
            if n != who and not lost:
                waiting.append(message)

    def read(self, who: int) -> None:
        for message in self.waiting[who]:
            self.missed[who] -= self.hubs[who].hear(message)
        self.waiting[who].clear()

    def listen(self, who: int, chat_id: int) -> None:
        if self.hubs[who].listen(chat_id):
            # What was written before is read now.
            self.missed[who].discard(chat_id)

    def write(self, who: int, chat_id: int) -> None:
        told = {post.channel for post in self.hubs[who].posts([line(chat_id)])}
        for n, hub in enumerate(self.hubs):
            if n != who and chat_id in hub.own and told.isdisjoint({"", f"channel {n}"}):
                self.missed[n].add(chat_id)

    @property
    def missing(self) -> list[set[int]]:
        return [missed & hub.own for missed, hub in zip(self.missed, self.hubs, strict=True)]


@pytest.fixture
def three() -> World:
    """Hub 1 listens to chat 1, hub 2 to chats 1 and 2."""
    world = World(3)
    world.listen(1, 1)
    world.listen(2, 1)
    world.listen(2, 2)
    world.settle()
    return world


class TestSending:
    def test_is_to_those_who_listen_only(self, three):
        one, two, other = line(1), line(2), line(3)
        assert three.hubs[0].posts([two, other]) == [Post("channel 2", [two])]
        assert three.hubs[2].posts([one, two, other]) == [Post("channel 1", [one])]

    def test_is_to_nobody_when_nobody_listens(self, three):
        assert three.hubs[0].posts([line(3)]) == []
        assert three.hubs[1].posts([line(2 + SHARDS), line(3)])[0].channel == "channel 2"

    def test_of_what_a_person_gets_as_a_member_is_to_those_who_have_the_chat(self, three):
        about_chat = HubCommand.to_person(5, {"type": "status"}, as_member_of=2)
        about_person = HubCommand.to_person(5, {"type": "notification"})
        assert three.hubs[0].posts([about_chat]) == [Post("channel 2", [about_chat])]
        assert three.hubs[0].posts([about_person]) == [Post("", [about_person])]

    def test_is_one_message_when_everyone_listens(self, three):
        batch = [line(1), line(1 + SHARDS)]
        assert three.hubs[0].posts(batch) == [Post("", batch)]

    def test_is_each_his_part_when_everyone_listens_to_something_else(self, three):
        one, two, other = line(1), line(2), line(3)
        told = [Post("channel 1", [one]), Post("channel 2", [one, two])]
        assert three.hubs[0].posts([one, two, other]) == told

    def test_is_one_message_when_many_listen(self):
        world = World(MAX_STRAIGHT + 3)
        for n in range(1, MAX_STRAIGHT + 1):
            world.listen(n, 1)
        world.settle()
        assert len(world.hubs[0].posts([line(1)])) == MAX_STRAIGHT
        world.listen(MAX_STRAIGHT + 1, 1)
        world.rounds(1)
        assert world.hubs[0].posts([line(1)]) == [Post("", [line(1)])]

    def test_of_what_concerns_people_is_to_all_in_its_order(self, three):
        batch = [line(2), HubCommand.leave(2, user_id=5), line(2)]
        assert three.hubs[0].posts(batch) == [Post("", batch)]

    def test_is_to_nobody_when_one_is_alone(self):
        world = World(1)
        world.settle()
        assert world.hubs[0].posts([line(1), HubCommand.recheck(1)]) == []

    def test_is_to_all_while_it_is_not_known_who_listens(self):
        clock = Clock()
        hub = Listeners("hub", clock=clock)
        everyone = [Post("", [line(1)])]
        assert hub.posts([line(1)]) == everyone
        hub.came_back()
        clock.move(LEARN_SECONDS - 0.1)
        hub.announcement("channel")
        assert hub.posts([line(1)]) == everyone
        clock.move(0.2)
        assert hub.posts([line(1)]) == []
        hub.lose_sight()
        assert hub.posts([line(1)]) == everyone

    def test_is_to_all_by_one_that_has_stood_still(self):
        world = World(1)
        world.settle()
        (hub,) = world.hubs
        world.clock.move(ANNOUNCE_SECONDS)
        assert not hub.has_stood_still()
        assert hub.posts([line(1)]) == []
        world.clock.move(STILL_SECONDS - ANNOUNCE_SECONDS + 0.1)
        assert hub.has_stood_still()
        assert hub.posts([line(1)]) == [Post("", [line(1)])]

    def test_is_never_to_nobody_because_one_that_stood_still_has_read_nothing(self, three):
        for _ in range(int(LEASE_SECONDS) + 1):
            three.clock.move(1)
            assert three.hubs[0].posts([line(2)]) != []

    def test_is_to_all_when_somebody_has_just_joined(self, three):
        three.hubs[0].expect([HubCommand.join(3, user_id=5, revision=0)])
        assert three.hubs[0].posts([line(3)]) == [Post("", [line(3)])]
        three.clock.move(EXPECT_SECONDS + 0.1)
        assert three.hubs[0].posts([line(3)]) == []

    def test_ends_with_the_lease_of_one_that_died(self, three):
        for _ in range(2):
            three.clock.move(LEASE_SECONDS / 2 + 0.1)
            for n in (0, 1):
                three.announce(n)
            for n in (0, 1):
                three.read(n)
        assert three.hubs[0].posts([line(1)]) == [Post("channel 1", [line(1)])]
        assert three.hubs[0].posts([line(2)]) == []

    def test_ends_at_once_with_one_that_says_so(self, three):
        three.hubs[0].hear(three.hubs[2].farewell())
        assert three.hubs[0].posts([line(2)]) == []

    def test_is_to_all_while_one_is_there_that_does_not_announce(self, three):
        three.hubs[0].hear(layer_message([], origin="of an older version"))
        assert three.hubs[0].posts([line(3)]) == [Post("", [line(3)])]
        assert three.hubs[0].posts([line(1)]) == [Post("", [line(1)])]
        three.rounds(int(RENEW_SECONDS / ANNOUNCE_SECONDS) + 1)
        assert three.hubs[0].posts([line(3)]) == [Post("", [line(3)])]
        three.rounds(int(OLDER_LEASE_SECONDS / ANNOUNCE_SECONDS))
        assert three.hubs[0].posts([line(3)]) == []

    def test_is_to_all_until_one_that_does_not_announce_must_have_been_heard(self):
        assert LEARN_SECONDS > RENEW_SECONDS

    def test_tells_an_older_version_nothing_that_it_cannot_read(self, three):
        for message in (three.hubs[1].announcement("channel"), three.hubs[1].farewell()):
            assert message["origin"] == "hub 1"
            assert list(read_commands(message)) == []


class TestDoubt:
    def test_is_of_what_the_others_could_not_know(self, three):
        three.listen(1, 2)
        three.write(0, 2)
        assert three.missing[1] == {2}
        three.rounds(2)
        assert three.missing[1] == set()
        three.write(0, 2)
        assert three.missing[1] == set()

    def test_is_over_when_everyone_knows(self, three):
        three.rounds(1)
        news = three.hubs[0].announcement("channel 0")
        assert three.hubs[1].hear(news) == frozenset()

    def test_is_of_everything_when_others_had_given_one_up(self, three):
        """Its own announcements were lost; it heard the others', and noticed nothing."""
        for _ in range(4):
            three.clock.move(ANNOUNCE_SECONDS)
            three.announce(1, lost=True)
            for n in (0, 2):
                three.announce(n)
            for n in range(3):
                three.read(n)
        three.write(0, 1)
        assert three.missing[1] == {1}
        three.rounds(2)
        assert three.missing[1] == set()

    def test_is_of_what_was_written_between_two_reports(self, three):
        """One that does not know yet says so, writes, and only then reads what it should know."""
        three.listen(1, 2)
        three.announce(1)
        three.announce(0)
        three.read(1)
        three.write(0, 2)
        assert three.missing[1] == {2}
        three.read(0)
        three.announce(0)
        three.read(1)
        assert three.missing[1] == set()

    def test_is_of_everything_when_one_was_given_up_between_two_reports(self, three):
        three.clock.move(LEASE_SECONDS - 1)
        three.announce(0)
        three.read(1)
        three.clock.move(2)
        three.write(0, 1)
        assert three.missing[1] == {1}
        three.announce(1)
        three.read(0)
        three.announce(0)
        three.read(1)
        assert three.missing[1] == set()

    def test_is_none_of_what_one_has_given_up(self, three):
        three.hubs[2].keep([1])
        three.rounds(1)
        assert three.hubs[2].own == {1}
        assert three.hubs[0].posts([line(2)]) == []

    @hypothesis.given(
        st.lists(
            st.one_of(
                st.tuples(st.just("listen"), st.integers(0, 2), st.integers(1, 3)),
                st.tuples(st.just("give up"), st.integers(0, 2), st.integers(1, 3)),
                st.tuples(st.just("write"), st.integers(0, 2), st.integers(1, 3)),
                st.tuples(st.just("announce"), st.integers(0, 2), st.booleans()),
                st.tuples(st.just("read"), st.integers(0, 2), st.none()),
                st.tuples(st.just("wait"), st.integers(1, 8), st.none()),
            ),
            min_size=15,
            max_size=80,
        )
    )
    @hypothesis.settings(deadline=None, max_examples=300)
    def test_finds_whatever_was_not_sent_in_whatever_order_things_happen(self, steps):
        world = World(3)
        world.settle()
        for what, who, which in steps:
            match what:
                case "listen":
                    world.listen(who, which)
                case "give up":
                    world.hubs[who].keep(world.hubs[who].own - {which})
                case "write":
                    world.write(who, which)
                case "announce":
                    world.announce(who, lost=which)
                case "read":
                    world.read(who)
                case "wait":
                    world.clock.move(who)
        world.rounds(3)
        assert world.missing == [set(), set(), set()]


class TestWithoutAHub:
    def test_those_are_told_who_may_have_rooms(self):
        told = by_group([line(1), line(2), line(1 + SHARDS)])
        assert told == {"hubs.1": [line(1), line(1 + SHARDS)], "hubs.2": [line(2)]}

    def test_all_are_told_of_people_in_order(self):
        batch = [line(1), HubCommand.leave(1, user_id=5)]
        assert by_group(batch) == {HUBS_GROUP: batch}

    def test_all_are_told_of_many_chats_at_once(self):
        batch = [line(n) for n in range(MAX_GROUPS + 1)]
        assert by_group(batch) == {HUBS_GROUP: batch}

    def test_shards_that_share_a_group_are_told_once(self):
        batch = [line(1), line(1 + GROUPS), line(1)]
        assert by_group(batch) == {"hubs.1": batch}

    def test_a_shard_is_of_the_same_chats_everywhere(self):
        assert shard_of(SHARDS + 5) == 5
