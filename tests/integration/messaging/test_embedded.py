from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import transaction

from chat.services.cursors.published import highest_seqs
from messaging.away import DatabaseAwayError
from messaging.bus.retry import RetryPolicy
from messaging.contract.events import Event
from messaging.contract.validation import decode
from messaging.errors import RetryableError
from messaging.handling import background, embedded
from messaging.handling.dead_letter_retries import NotOpenError, discard, retry
from messaging.handling.dead_letters import record_of
from messaging.handling.registry import Handler, Registry
from messaging.models import DeadLetter, HandledEvent, OutboxEvent
from messaging.outbox.recording import NewEvent
from messaging.outbox.relay import Relay, published
from messaging.outbox.relay_lock import FileLock
from tests.support.bus_parts import TOPIC, Effects, message_event, record, record_chats
from tests.support.services import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
Status = OutboxEvent.Status


@pytest.fixture
def faults() -> dict[tuple[str, int], Exception]:
    return {}


@pytest.fixture(autouse=True)
def handlers(registry: Registry, effects, faults) -> None:
    def write(events: Sequence[Event]) -> None:
        for event in events:
            if error := faults.get((event.key, event.payload["seq"])):
                raise error
        Effects.write("writer", events)

    def write_other(events: Sequence[Event]) -> None:
        Effects.write("other", events)

    registry.add(
        Handler(topic=TOPIC, name="writer", function=write),
        Handler(topic=TOPIC, name="other", group="webchat-webhooks", function=write_other),
    )


@pytest.fixture
def relay(registry, tmp_path):
    clock = iter(range(0, 10_000_000, 100))  # every look at it is 100 s later: nothing is held long
    relay = Relay(
        embedded.HandlerTarget(registry),
        FileLock(tmp_path / "lock"),
        retry=RetryPolicy(multiplier=1.0),
        clock=lambda: float(next(clock)),
    )
    yield relay
    relay.close()


def states() -> list[int]:
    return list(OutboxEvent.objects.order_by("id").values_list("status", flat=True))


class TestHandlerDelivery:
    def test_every_group_has_every_event_once(self, relay):
        record_chats(3, 4)
        assert relay.run_round() == 12
        assert Effects.once_for(["writer", "other"], chats=3, messages=4)
        assert states() == [Status.PUBLISHED] * 12
        assert HandledEvent.objects.filter(partition=None).count() == 24

    def test_a_crash_before_marking_has_no_second_effect(self, relay):
        record_chats(2, 3)
        relay.run_round()
        OutboxEvent.objects.update(status=Status.WAITING)  # what the crash would have left
        relay.run_round()
        assert Effects.once_for(["writer", "other"], chats=2, messages=3)

    def test_a_failing_handler_holds_back_its_chat_only(self, relay, faults):
        faults["1", 2] = ValueError()
        record_chats(2, 3)
        relay.run_round()
        waiting = OutboxEvent.objects.waiting().order_by("id")
        assert [row.key for row in waiting] == ["1", "1"]
        faults.clear()
        relay.run_round()
        assert Effects.once_for(["writer", "other"], chats=2, messages=3)

    def test_what_always_fails_becomes_a_dead_letter_and_the_chat_goes_on(self, relay, faults):
        faults["1", 2] = ValueError("no such colour")
        record_chats(1, 3)
        while OutboxEvent.objects.waiting().exists():
            relay.run_round()
        letter = DeadLetter.objects.get()
        assert (letter.handler, letter.partition, letter.attempts) == ("writer", None, 5)
        assert decode(record_of(letter)).payload["seq"] == 2
        assert [row for row in Effects.rows() if row[0] == "writer"] == [
            ("writer", "1", 1),
            ("writer", "1", 3),
        ]

    @pytest.mark.parametrize("error", [RetryableError("away"), DatabaseAwayError("gone")])
    def test_what_is_away_is_waited_for(self, relay, faults, error):
        faults["1", 1] = error
        record_chats(1, 2)
        for _ in range(10):
            try:
                relay.run_round()
            except RetryableError:
                continue
        assert states() == [Status.WAITING] * 2
        faults.clear()
        relay.run_round()
        assert states() == [Status.PUBLISHED] * 2
        assert not DeadLetter.objects.exists()

    def test_an_impossible_event_is_set_aside(self, relay):
        record(NewEvent(TOPIC, "1", "message.created", {"content": "x"}), message_event(1, 2))
        relay.run_round()
        assert states()[:2] == [Status.ERROR, Status.PUBLISHED]

    def test_tells_how_far_each_chat_has_come(self, relay):
        heard = []

        def hear(rows, **_more) -> None:
            heard.append(highest_seqs(rows))

        published.connect(hear)
        try:
            record_chats(2, 3)
            relay.run_round()
        finally:
            published.disconnect(hear)
        assert heard == [{"1": 3, "2": 3}]


@pytest.fixture
def dead(relay, faults) -> DeadLetter:
    """A dead letter whose handler works by now."""
    faults["1", 1] = ValueError("no such colour")
    record_chats(1, 1)
    while OutboxEvent.objects.waiting().exists():
        relay.run_round()
    faults.clear()
    return DeadLetter.objects.get()


class TestRetry:
    def test_has_the_effect_once_however_often_it_is_done(self, dead, registry):
        retry(dead.pk, registry, actor="a test")
        with pytest.raises(NotOpenError, match="already retried"):
            retry(dead.pk, registry, actor="a test")
        assert Effects.once_for(["other", "writer"], chats=1, messages=1)
        dead.refresh_from_db()
        assert dead.status == DeadLetter.Status.RETRIED
        assert dead.closed_at is not None

    def test_has_no_second_effect_where_the_event_was_handled_meanwhile(
        self, dead, registry, relay
    ):
        OutboxEvent.objects.update(status=Status.WAITING)
        relay.run_round()
        retry(dead.pk, registry, actor="a test")
        assert Effects.once_for(["other", "writer"], chats=1, messages=1)

    def test_leaves_it_open_with_the_new_error_when_it_fails_again(self, dead, registry, faults):
        faults["1", 1] = KeyError("still")
        with pytest.raises(KeyError):
            retry(dead.pk, registry, actor="a test")
        dead.refresh_from_db()
        assert (dead.status, dead.error_class, dead.attempts) == ("open", "KeyError", 6)
        assert len(Effects.rows()) == 1

    def test_needs_the_handler_that_failed(self, dead):
        with pytest.raises(Exception, match="no longer has a handler writer"):
            retry(dead.pk, Registry(), actor="a test")


class TestDiscard:
    def test_closes_it_with_a_reason(self, dead, registry):
        with pytest.raises(ValueError, match="why"):
            discard(dead.pk, " ", actor="a test")
        discard(dead.pk, "spam", actor="a test")
        dead.refresh_from_db()
        assert (dead.status, dead.reason) == ("discarded", "spam")
        with pytest.raises(NotOpenError):
            retry(dead.pk, registry, actor="a test")


class TestBackground:
    @pytest.fixture(autouse=True)
    def own_registry(self, registry, monkeypatch):
        monkeypatch.setattr(background, "registry", registry)
        yield
        background.stop(10)

    def test_hands_on_what_is_recorded_while_it_runs(self):
        background.ensure_started()
        background.ensure_started()
        record_chats(2, 3)
        wait_until(lambda: Effects.once_for(["writer", "other"], chats=2, messages=3), seconds=10)

    def test_takes_up_what_a_crash_left(self):
        record_chats(1, 3)
        background.ensure_started()
        wait_until(lambda: Effects.once_for(["writer", "other"], chats=1, messages=3), seconds=10)

    def test_stops_within_its_time_and_starts_again(self):
        background.ensure_started()
        background.stop(5)
        background.stop(5)
        record_chats(1, 1)
        assert states() == [Status.WAITING]
        background.ensure_started()
        wait_until(lambda: states() == [Status.PUBLISHED], seconds=10)

    def test_may_be_left_to_a_process_of_its_own(self, settings):
        settings.MESSAGE_BUS = "kafka"
        settings.RELAY_IN_WEB = False
        background.ensure_started()
        assert background._running is None

    def test_waits_for_nobody_when_kafka_is_away(self, settings):
        """The first connection is made by the relay's own thread."""
        settings.MESSAGE_BUS = "kafka"
        with transaction.atomic():
            background.ensure_started()
        assert background._running is not None
        background.stop(10)
