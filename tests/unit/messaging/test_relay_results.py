from __future__ import annotations

import re
from uuid import uuid4

import orjson
from django.utils import timezone

from chat.events.error_statuses import error_status
from chat.services.cursors.published import highest_seqs
from messaging.contract.records import RecordPosition
from messaging.errors import CircuitOpenError, InvalidEventError, PermanentError, RetryableError
from messaging.outbox.relay import sort_results
from messaging.outbox.rows import OutboxRow
from tests.support.bus_parts import message_payload

AWAY = RetryableError("away")
TOO_LARGE = PermanentError("too large")


def row(number: int, key: str = "1", *, payload: str = "{}", topic: str = "chat-messages"):
    now = timezone.now()
    return OutboxRow(number, uuid4(), topic, key, "message.created", 1, payload, "", now, 0)


def at(offset: int) -> RecordPosition:
    return RecordPosition("chat-messages", 0, offset)


def written(**fields: object) -> str:
    return orjson.dumps(message_payload("1", 7) | fields).decode()


class TestSortResults:
    def test_marks_what_was_acknowledged_in_the_middle_of_a_batch(self):
        first, second, third = row(1, "a"), row(2, "b"), row(3, "c")
        outcome = sort_results([first, second, third], [at(0), AWAY, at(1)])
        assert [r.id for r, _ in outcome.published] == [1, 3]
        assert list(outcome.failed) == [second.lane]

    def test_sends_again_what_stands_behind_a_failed_row_of_its_key(self):
        rows = [row(1, "a"), row(2, "a"), row(3, "a"), row(4, "b")]
        outcome = sort_results(rows, [at(0), AWAY, at(2), at(3)])
        assert [r.id for r, _ in outcome.published] == [1, 4]
        assert outcome.failed[rows[0].lane] == (rows[1], AWAY)

    def test_an_impossible_row_does_not_hold_back_its_key(self):
        rows = [row(1, "a"), row(2, "a")]
        outcome = sort_results(rows, [TOO_LARGE, at(0)])
        assert outcome.impossible == [(rows[0], TOO_LARGE)]
        assert [r.id for r, _ in outcome.published] == [2]

    def test_an_impossible_row_behind_a_failed_one_is_judged_when_its_turn_comes(self):
        rows = [row(1, "a"), row(2, "a")]
        outcome = sort_results(rows, [AWAY, TOO_LARGE])
        assert outcome.impossible == []

    def test_equal_keys_of_two_topics_do_not_hold_each_other_back(self):
        rows = [row(1, "a"), row(2, "a", topic="message-delivery-status")]
        outcome = sort_results(rows, [AWAY, None])
        assert [r.id for r, _ in outcome.published] == [2]

    def test_tells_of_an_open_circuit(self):
        assert sort_results([row(1)], [CircuitOpenError(3.0)]).open_circuit is not None
        assert sort_results([row(1)], [AWAY]).open_circuit is None


class TestHighestSeqs:
    def test_gives_each_key_the_highest_seq_of_its_created_messages(self):
        rows = [
            row(1, "a", payload='{"seq":4}'),
            row(2, "b", payload='{"seq":9}'),
            row(3, "a", payload='{"seq":5}'),
            row(4, "a", payload='{"seq":2}')._replace(event_type="message.edited"),
        ]
        assert highest_seqs(rows) == {"a": 5, "b": 9}

    def test_is_not_led_back_by_an_old_message_that_was_sent_again(self):
        rows = [row(1, "a", payload='{"seq":9}'), row(2, "a", payload='{"seq":3}')]
        assert highest_seqs(rows) == {"a": 9}


class TestErrorStatus:
    def test_names_the_message_and_the_reason(self):
        event = error_status(row(1, payload=written()), TOO_LARGE)
        assert event is not None
        assert (event.topic, event.key, event.event_type) == (
            "message-delivery-status",
            "1",
            "status.error",
        )
        assert event.payload["messageId"] == "1-7"
        assert event.payload["seq"] == 7
        assert event.payload["detail"] == "too large"

    def test_tells_the_time_as_every_event_does(self):
        event = error_status(row(1, payload=written()), TOO_LARGE)
        assert event is not None
        assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{6}Z", event.payload["timestamp"])

    def test_is_not_made_where_no_message_can_be_named(self):
        assert error_status(row(1, payload="not json"), TOO_LARGE) is None
        assert error_status(row(1, payload=written(messageId=None)), TOO_LARGE) is None

    def test_is_not_made_of_a_status(self):
        status = row(1, payload=written(), topic="message-delivery-status")
        assert error_status(status, InvalidEventError("x")) is None
