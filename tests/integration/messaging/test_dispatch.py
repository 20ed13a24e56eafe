from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import DataError, transaction

from messaging.away import DatabaseAwayError, DatabaseBusyError
from messaging.bus.retry import RetryPolicy
from messaging.contract.events import Event
from messaging.contract.records import RecordPosition
from messaging.errors import PermanentError, RetryableError, ShuttingDownError
from messaging.handling.dispatch import Dispatcher, Progress, handle_once
from messaging.handling.registry import MAIN_GROUP, Handler, Registry
from messaging.models import HandledEvent
from tests.support.bus_parts import STATUS_TOPIC, TOPIC, Effects, message_payload

pytestmark = pytest.mark.django_db(transaction=True)


def event(chat: int, seq: int) -> Event:
    return Event(
        event_id=uuid4(),
        event_type="message.created",
        topic=TOPIC,
        key=str(chat),
        schema_version=1,
        payload=message_payload(chat, seq),
        produced_at=datetime(2026, 11, 23, tzinfo=UTC),
        position=RecordPosition(TOPIC, chat, seq - 1),
    )


def lane(chat: int, count: int) -> list[Event]:
    return [event(chat, seq) for seq in range(1, count + 1)]


class Letters:
    """Keeps what is set aside in a list."""

    def __init__(self) -> None:
        self.added: list[tuple[str, int, str, int]] = []
        self.known: set[tuple[object, str]] = set()
        self.obstacle: Exception | None = None
        self.successes: list[str] = []

    def holds(self, event: Event, handler: str) -> bool:
        return (event.event_id, handler) in self.known

    def add(self, event: Event, handler: str, error: Exception, *, attempts: int) -> None:
        if self.obstacle:
            raise self.obstacle
        self.added.append((handler, event.payload["seq"], type(error).__name__, attempts))
        self.known.add((event.event_id, handler))

    def note_success(self, handlers: Iterable[str]) -> None:
        self.successes += handlers


class Faults:
    """What a handler raises for which message."""

    def __init__(self) -> None:
        self.by_message: dict[tuple[str, int], Exception] = {}
        self.times = 0

    def check(self, events: Sequence[Event]) -> None:
        for found in events:
            if error := self.by_message.get((found.key, found.payload["seq"])):
                self.times += 1
                raise error


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def dispatcher(registry: Registry, effects, faults, letters) -> Dispatcher:
    """Two handlers: `steady` always works, `shaky` fails as the test says, after its effect."""

    def shaky(events: Sequence[Event]) -> None:
        Effects.write("shaky", events)
        faults.check(events)

    def steady(events: Sequence[Event]) -> None:
        Effects.write("steady", events)

    registry.add(
        Handler(topic=TOPIC, name="shaky", function=shaky),
        Handler(topic=TOPIC, name="steady", function=steady),
    )
    retries = RetryPolicy(initial_seconds=0.1, multiplier=1.0)
    return Dispatcher(registry, MAIN_GROUP, letters=letters, attempts=3, retries=retries)


BOTH = ["shaky", "steady"]


class TestProcess:
    def test_does_a_whole_batch_in_one_transaction(self, dispatcher, django_assert_max_num_queries):
        lanes = {1: lane(1, 20), 2: lane(2, 20)}
        with django_assert_max_num_queries(6):  # begin, handled events, two effects, commit
            progress = dispatcher.process(lanes)
        assert [progress[1].done, progress[2].done] == [20, 20]
        assert Effects.once_for(BOTH, chats=2, messages=20)
        assert HandledEvent.objects.count() == 80

    def test_has_no_second_effect_however_often_events_come(self, dispatcher):
        events = lane(1, 5)
        for _ in range(4):
            dispatcher.process({1: events + events})
        dispatcher.process({1: events[2:4]})
        assert Effects.once_for(BOTH, chats=1, messages=5)

    def test_keeps_effects_and_their_proof_together_when_a_handler_fails(self, dispatcher, faults):
        faults.by_message["1", 1] = ValueError()
        dispatcher.process({1: lane(1, 1)})
        assert Effects.rows() == [("steady", "1", 1)]
        assert list(HandledEvent.objects.values_list("handler", flat=True)) == ["steady"]

    def test_a_bad_event_stops_its_lane_and_no_other(self, dispatcher, faults):
        faults.by_message["1", 7] = ValueError()
        progress = dispatcher.process({1: lane(1, 20), 2: lane(2, 20)})
        assert (progress[1].done, progress[1].retry_in_seconds) == (6, 0.1)
        assert (progress[2].done, progress[2].retry_in_seconds) == (20, None)
        assert [seq for name, chat, seq in Effects.rows() if (name, chat) == ("shaky", "1")] == [
            *range(1, 7)
        ]

    def test_finds_the_bad_event_in_few_tries(self, dispatcher, faults):
        faults.by_message["1", 300] = ValueError()
        dispatcher.process({1: lane(1, 512)})
        assert faults.times <= 12  # the whole twice, then halves

    def test_a_handler_that_fails_twice_and_then_works_has_one_effect(self, dispatcher, faults):
        events = lane(1, 5)
        faults.by_message["1", 3] = ValueError()
        assert dispatcher.process({1: events}).pop(1).done == 2
        assert dispatcher.process({1: events[2:]}).pop(1).retry_in_seconds == 0.2
        faults.by_message.clear()
        assert dispatcher.process({1: events[2:]}).pop(1).done == 3
        assert Effects.once_for(BOTH, chats=1, messages=5)
        assert HandledEvent.objects.get(event_id=events[2].event_id, handler="shaky").attempts == 3

    def test_sets_an_event_aside_after_the_last_try_and_goes_on(self, dispatcher, faults, letters):
        events = lane(1, 5)
        faults.by_message["1", 3] = ValueError()
        done = 0
        for _ in range(3):
            done += dispatcher.process({1: events[done:]})[1].done
        assert done == 5
        assert letters.added == [("shaky", 3, "ValueError", 3)]
        steady = [seq for name, _, seq in Effects.rows() if name == "steady"]
        shaky = [seq for name, _, seq in Effects.rows() if name == "shaky"]
        assert (steady, shaky) == ([1, 2, 3, 4, 5], [1, 2, 4, 5])

    def test_sets_a_hopeless_event_aside_at_once(self, dispatcher, faults, letters):
        faults.by_message["1", 1] = PermanentError("never")
        assert dispatcher.process({1: lane(1, 2)})[1].done == 2
        assert letters.added == [("shaky", 1, "PermanentError", 1)]

    def test_does_not_try_again_what_was_set_aside_before(self, dispatcher, faults, letters):
        events = lane(1, 2)
        letters.known.add((events[0].event_id, "shaky"))
        faults.by_message["1", 1] = ValueError()
        assert dispatcher.process({1: events})[1].done == 2
        assert letters.added == []

    def test_waits_where_the_dead_letters_cannot_be_written(self, dispatcher, faults, letters):
        faults.by_message["1", 1] = PermanentError("never")
        letters.obstacle = RetryableError("the dead-letter topic is away")
        events = lane(1, 2)
        for _ in range(10):
            assert dispatcher.process({1: events})[1].done == 0
        letters.obstacle = None
        assert dispatcher.process({1: events})[1].done == 2
        assert len(letters.added) == 1

    @pytest.mark.parametrize("error", [RetryableError("redis"), ShuttingDownError("closing")])
    def test_never_sets_aside_because_something_is_away(self, dispatcher, faults, letters, error):
        faults.by_message["1", 2] = error
        events = lane(1, 3)
        waits = [dispatcher.process({1: events})[1].retry_in_seconds for _ in range(20)]
        assert letters.added == []
        assert waits[:3] == [0.1, 0.2, 0.4]
        assert waits[-1] == 5.0
        faults.by_message.clear()
        assert dispatcher.process({1: events})[1].done == 3
        assert Effects.once_for(BOTH, chats=1, messages=3)

    def test_the_database_being_away_concerns_all_lanes(self, dispatcher, faults, letters):
        faults.by_message["1", 2] = DatabaseAwayError("server closed the connection")
        lanes = {1: lane(1, 3), 2: lane(2, 3)}
        for _ in range(10):
            with pytest.raises(DatabaseAwayError):
                dispatcher.process(lanes)
        assert letters.added == []
        faults.by_message.clear()
        dispatcher.process(lanes)
        assert Effects.once_for(BOTH, chats=2, messages=3)

    @pytest.mark.postgresql
    def test_a_locked_row_concerns_its_own_lane(self, dispatcher, faults, letters):
        faults.by_message["1", 2] = DatabaseBusyError("kept waiting")
        events = lane(1, 3)
        progress = dispatcher.process({1: events, 2: lane(2, 3)})
        assert progress == {1: Progress(1, 0.1), 2: Progress(3)}
        for _ in range(10):
            assert dispatcher.process({1: events[1:]})[1].done == 0
        assert letters.added == []
        faults.by_message.clear()
        dispatcher.process({1: events[1:]})
        assert Effects.once_for(BOTH, chats=2, messages=3)

    def test_bad_data_is_the_events_fault(self, dispatcher, faults, letters):
        faults.by_message["1", 1] = DataError("numeric value out of range")
        for _ in range(3):
            dispatcher.process({1: lane(1, 1)[:1]})
        assert letters.added == []  # three different events
        one = lane(1, 1)
        for _ in range(3):
            dispatcher.process({1: one})
        assert letters.added == [("shaky", 1, "DataError", 3)]

    def test_tells_which_handlers_work(self, dispatcher, letters):
        dispatcher.process({1: lane(1, 3)})
        assert sorted(set(letters.successes)) == BOTH

    def test_an_event_without_handlers_is_done(self, dispatcher):
        other = replace(event(1, 1), topic=STATUS_TOPIC)
        assert dispatcher.process({1: [other]})[1].done == 1


class TestHandleOnce:
    def test_calls_back_after_the_commit_only(self):
        order: list[str] = []

        def late(events: Sequence[Event]) -> None:
            transaction.on_commit(lambda: order.append("on commit"))
            order.append("handled")

        handler = Handler(topic=TOPIC, name="late", function=late)
        handle_once([event(1, 1)], [handler], group=MAIN_GROUP)
        assert order == ["handled", "on commit"]

    def test_gives_a_handler_the_types_that_it_is_subscribed_to(self):
        found: list[str] = []
        handler = Handler(
            topic=TOPIC,
            name="edits",
            event_types=frozenset({"message.edited"}),
            function=lambda events: found.extend(event.event_type for event in events),
        )
        edited = replace(event(1, 2), event_type="message.edited")
        handle_once([event(1, 1), edited], [handler], group=MAIN_GROUP)
        handle_once([event(1, 3)], [handler], group=MAIN_GROUP)
        assert found == ["message.edited"]
        # Handled events say that it has had them all: none is given to it again.
        assert HandledEvent.objects.filter(handler="edits").count() == 3

    def test_groups_do_not_share_what_they_handled(self, registry: Registry, effects):
        def same(events: Sequence[Event]) -> None:
            Effects.write("same", events)

        for group in (MAIN_GROUP, "webchat-webhooks"):
            registry.add(Handler(topic=TOPIC, name="same", group=group, function=same))
        found = event(1, 1)
        for group in registry.groups():
            handle_once([found], registry.handlers(TOPIC, group), group=group)
        assert len(Effects.rows()) == 2
