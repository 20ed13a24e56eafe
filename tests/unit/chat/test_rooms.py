"""Lines with a revision leave a room in order, each once, whatever order they came in."""

from __future__ import annotations

import pytest

from chat.live.hub import rooms
from chat.live.hub.rooms import HOLE_SECONDS, Room
from chat.live.hub.sockets import Socket
from tests.support.properties import hypothesis
from tests.support.properties import strategies as st


@pytest.fixture
def clock(monkeypatch):
    """Time as the rooms see it; `clock.now += seconds` moves it."""

    class Clock:
        now = 1000.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    monkeypatch.setattr(rooms, "time", Clock)
    return Clock


def room_at(revision: int | None) -> Room:
    room = Room(1)
    if revision is not None:
        room.learn_head(revision)
    return room


def lines_of(room: Room) -> list[str]:
    block = room.take_block()
    return block.split("\n") if block else []


class TestOrder:
    @hypothesis.given(st.data())
    def test_is_that_of_revisions_whatever_comes_first_and_twice(self, data):
        count = data.draw(st.integers(1, 12))
        arrivals = data.draw(
            st.permutations([*range(1, count + 1), *data.draw(st.lists(st.integers(1, count)))])
        )
        room, left = room_at(0), []
        for revision in arrivals:
            room.add(f"line {revision}", revision)
            left += lines_of(room)
        assert left == [f"line {revision}" for revision in range(1, count + 1)]
        assert room.head == count
        assert not room.is_behind

    @hypothesis.given(st.data())
    def test_is_kept_while_the_head_is_learnt_and_holes_are_filled(self, data):
        """Whatever happens, a follower of the contract ends with everything, in order, once."""
        count = data.draw(st.integers(1, 10))
        start = data.draw(st.integers(0, count))
        steps = data.draw(
            st.permutations(
                [("add", n) for n in range(1, count + 1)]
                + [("learn", start)]
                + [("fill", n) for n in data.draw(st.lists(st.integers(1, count), max_size=3))]
            )
        )
        room, applied = Room(1), start
        for step, revision in steps:
            if step == "add":
                room.add(f"add {revision}", revision)
            elif step == "learn":
                room.learn_head(revision)
            elif room.head is not None and room.head < revision:
                room.move_to(revision, f"fill {revision}")
            for line in lines_of(room):
                kind, number = line.split()
                if int(number) <= applied:
                    continue
                assert kind == "fill" or int(number) == applied + 1
                applied = int(number)
        missing = set(range(start + 1, count + 1)) if room.head is None else set()
        assert not missing
        assert applied == room.head

    def test_holds_a_line_back_until_the_ones_before_it_came(self):
        room = room_at(4)
        room.add("six", 6)
        assert lines_of(room) == []
        room.add("five", 5)
        assert lines_of(room) == ["five", "six"]

    def test_drops_what_was_handed_on(self):
        room = room_at(4)
        room.add("four again", 4)
        room.add("five", 5)
        room.add("five again", 5)
        assert lines_of(room) == ["five"]

    def test_holds_everything_until_it_knows_where_it_stands(self):
        room = room_at(None)
        room.add("seven", 7)
        room.add("eight", 8)
        assert lines_of(room) == []
        room.learn_head(6)
        assert lines_of(room) == ["seven", "eight"]

    def test_forgets_what_the_first_newcomer_has_read(self):
        room = room_at(None)
        room.add("six", 6)
        room.add("seven", 7)
        room.learn_head(6)
        assert lines_of(room) == ["seven"]

    def test_has_no_place_for_lines_without_a_revision(self):
        room = room_at(None)
        room.add("typing")
        assert lines_of(room) == ["typing"]

    def test_takes_each_line_once(self):
        room = room_at(0)
        room.add("one", 1)
        assert lines_of(room) == ["one"]
        assert room.take_block() == ""


class TestHole:
    def test_is_given_time_to_close_by_itself(self, clock):
        room = room_at(0)
        room.add("two", 2)
        assert room.is_behind
        assert not room.has_hole(now=clock.now)
        assert room.has_hole(now=clock.now + HOLE_SECONDS)

    def test_closed_in_time_is_none(self, clock):
        room = room_at(0)
        room.add("two", 2)
        room.add("one", 1)
        assert not room.is_behind
        assert not room.has_hole(now=clock.now + 60)

    def test_is_as_old_as_its_first_missing_line(self, clock):
        room = room_at(0)
        room.add("two", 2)
        clock.now += HOLE_SECONDS
        room.add("four", 4)
        assert room.has_hole(now=clock.now)

    def test_is_heard_of_through_a_bigger_head(self, clock):
        room = room_at(3)
        room.hear_of(5)
        assert room.is_behind
        assert room.has_hole(now=clock.now + HOLE_SECONDS)

    def test_is_not_made_by_a_head_that_was_passed(self):
        room = room_at(3)
        room.hear_of(3)
        room.hear_of(1)
        assert not room.is_behind

    def test_is_not_known_before_the_head_is(self, clock):
        room = room_at(None)
        room.hear_of(5)
        assert not room.has_hole(now=clock.now + 60)
        room.learn_head(3)
        assert room.is_behind

    def test_with_very_many_lines_held_back_does_not_wait(self, clock, monkeypatch):
        monkeypatch.setattr(rooms, "MAX_HELD", 3)
        room = room_at(0)
        for revision in range(2, 6):
            room.add(str(revision), revision)
        assert room.has_hole(now=clock.now)

    def test_is_not_made_by_old_lines_that_come_again(self, clock, monkeypatch):
        monkeypatch.setattr(rooms, "MAX_HELD", 3)
        room = room_at(9)
        for revision in range(1, 10):
            room.add("old", revision)
        room.add("eleven", 11)
        assert not room.has_hole(now=clock.now)

    def test_is_filled_with_what_was_read(self):
        room = room_at(0)
        for revision in (3, 4, 6):
            room.add(f"line {revision}", revision)
        room.move_to(4, "changes up to 4")
        assert lines_of(room) == ["changes up to 4"]
        assert room.head == 4
        assert room.is_behind
        room.add("line 5", 5)
        assert lines_of(room) == ["line 5", "line 6"]

    def test_filled_further_than_what_is_held_drops_it(self):
        room = room_at(0)
        room.add("line 2", 2)
        room.move_to(3, "changes up to 3")
        assert lines_of(room) == ["changes up to 3"]
        assert not room.is_behind

    def test_is_not_filled_backwards(self):
        room = room_at(5)
        room.move_to(4, "old changes")
        assert lines_of(room) == []
        assert room.head == 5

    def test_that_the_database_does_not_know_of_is_none(self):
        room = room_at(3)
        room.hear_of(10**9)
        room.add("from nowhere", 10**9)
        room.move_to(4, "changes up to 4")
        room.forget_beyond_head()
        assert not room.is_behind
        room.add("five", 5)
        assert lines_of(room) == ["changes up to 4", "five"]


class TestHead:
    def test_is_not_moved_by_a_later_newcomer(self):
        room = room_at(3)
        room.learn_head(5)
        assert room.head == 3
        assert room.known_head == 5

    def test_is_not_moved_back(self):
        room = room_at(5)
        room.learn_head(3)
        assert (room.head, room.known_head) == (5, 5)


def listener(user_id: int, *, audiences: set[str], apart: frozenset[int] | None) -> Socket:
    async def nothing(given: object) -> None: ...

    return Socket(
        user_id=user_id, user_name="", session_key="", send=nothing, close=nothing,
        audiences=frozenset(audiences), apart=apart,
    )  # fmt: skip


class TestAsides:
    LINES = ((0, "of nobody"), (7, "of seven"), (8, "of eight"))

    # Whose audiences and blocks they are, and what is heard.
    LISTENERS: tuple[tuple[set[str], frozenset[int] | None, list[str]], ...] = (
        ({"presence"}, frozenset(), ["of nobody", "of seven", "of eight"]),
        ({"presence"}, frozenset({7}), ["of nobody", "of eight"]),
        ({"presence"}, frozenset({7, 8, 9}), ["of nobody"]),
        ({"reading"}, frozenset(), []),
        # Not known yet: nothing can be told of anybody.
        ({"presence"}, None, []),
    )

    @pytest.mark.parametrize(("audiences", "apart", "heard"), LISTENERS)
    def test_reach_their_audience_but_nobody_across_a_block(self, audiences, apart, heard):
        room, socket = Room(1), listener(1, audiences=audiences, apart=apart)
        room.sockets.add(socket)
        for about, line in self.LINES:
            room.add_aside("presence", line, about=about)
        assert room.put_asides() == ([socket] if heard else [])
        assert [line for block in socket._blocks for line in block.split("\n")] == heard
        assert not room.has_asides

    def test_that_nobody_is_left_for_wake_nobody(self):
        room, socket = Room(1), listener(1, audiences={"presence"}, apart=frozenset({7}))
        room.sockets.add(socket)
        room.add_aside("presence", "of seven", about=7)
        assert room.put_asides() == []

    def test_of_messages_are_none_of_their_business(self):
        """What is written in a shared chat reaches everyone in it."""
        room = room_at(0)
        room.sockets.add(listener(1, audiences=set(), apart=frozenset({7})))
        room.add("a message of seven", 1)
        assert room.take_block() == "a message of seven"
