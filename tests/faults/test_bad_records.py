"""Records and handlers that go wrong, through the real consumer on a real Kafka."""

from __future__ import annotations

import signal

import pytest

from messaging.contract.records import OutgoingRecord, Record
from messaging.contract.validation import encode
from tests.support.bus_parts import message_event
from tests.support.pipe import Pipe
from tests.support.poison import poison
from tests.support.services import wait_until

POISON = poison()


def send(pipe: Pipe, chat: int, seq: int) -> None:
    value, headers = encode(message_event(chat, seq))
    pipe.send(OutgoingRecord(pipe.topic, str(chat), value, headers))


def names(record: Record) -> dict[str, str]:
    return {
        name.removeprefix("dead-letter-"): content.decode()
        for name, content in record.headers
        if name.startswith("dead-letter-")
    }


class TestPoison:
    def test_of_every_kind_goes_aside_and_holds_up_no_good_record(self, pipe: Pipe):
        pipe.consumer()
        send(pipe, 1, 1)
        wait_until(lambda: pipe.count_effects() == 2, seconds=20)
        for seq, record in enumerate(POISON.values(), start=2):
            pipe.send(on(pipe, record))
            send(pipe, 1, seq)
            wait_until(
                lambda: pipe.count_effects() == 2 * seq,  # noqa: B023
                seconds=10,
            )
        wait_until(lambda: pipe.lag() == 0, seconds=10)
        assert pipe.effects() == {"1": list(range(1, len(POISON) + 2))}
        assert pipe.dead_letters() == [("", "InvalidEventError")] * len(POISON)
        dead = pipe.dead_topic()
        assert sorted(record.value or b"" for record in dead) == sorted(
            record.value or b"" for record in POISON.values()
        )
        assert {names(record)["error-class"] for record in dead} == {"InvalidEventError"}

    def test_floods_stop_the_consumer_with_3(self, pipe: Pipe):
        bad = OutgoingRecord(pipe.topic, "1", b"not json", ())
        pipe.adapter.publish_many([bad] * 300)
        consumer = pipe.consumer()
        assert consumer.exit_code(seconds=60) == 3
        assert "100 records were set aside within 60 s" in consumer.log_end()
        assert "Traceback" not in consumer.log_end()
        assert len(pipe.dead_letters()) == 100
        assert pipe.lag() >= 200


class TestHandlers:
    @pytest.mark.long
    def test_one_that_fails_a_few_times_and_then_works_leaves_no_trace(self, pipe: Pipe):
        pipe.fault(1, 5, "not yet")
        pipe.relay()
        consumer = pipe.consumer()
        pipe.write(chats=2, last=10)
        wait_until(lambda: consumer.log.read_text().count("is tried again") >= 2, seconds=20)
        pipe.heal()
        wait_until(lambda: pipe.count_effects() == 40, seconds=20)
        assert pipe.effects() == {"1": [*range(1, 11)], "2": [*range(1, 11)]}
        assert pipe.repeated_effects() == 0
        assert pipe.dead_letters() == []

    def test_one_that_always_fails_gives_a_dead_letter_that_can_be_retried(self, pipe: Pipe):
        pipe.fault(1, 5, "no such colour")
        pipe.relay()
        pipe.consumer()
        pipe.write(chats=1, last=10)
        wait_until(lambda: pipe.count_effects() == 19, seconds=30)
        wait_until(lambda: pipe.lag() == 0, seconds=10)
        assert pipe.dead_letters() == [("second", "ValueError")]
        (dead,) = pipe.dead_topic()
        assert names(dead) | {"time": "", "partition": "", "offset": ""} == {
            "topic": pipe.topic,
            "partition": "",
            "offset": "",
            "group": pipe.group,
            "handler": "second",
            "error-class": "ValueError",
            "error-message": "no such colour",
            "attempts": "5",
            "time": "",
        }
        pipe.heal()
        assert "Would retry 1" in pipe.run("dead_letters", "retry", "--topic", pipe.topic)
        assert pipe.count_effects() == 19
        retry = ("dead_letters", "retry", "--topic", pipe.topic, "--execute")
        assert "Retry: 1 of 1" in pipe.run(*retry)
        assert "Retry: 0 of 0" in pipe.run(*retry)
        assert pipe.count_effects() == 20
        assert pipe.repeated_effects() == 0

    def test_one_whose_dependency_is_away_waits_and_recovers(self, pipe: Pipe):
        pipe.fault(1, 3, "away")
        pipe.log_level = "DEBUG"  # each wait; otherwise the first one is told
        pipe.relay()
        consumer = pipe.consumer()
        pipe.write(chats=1, last=5)
        wait_until(lambda: consumer.log.read_text().count("for what it needs") >= 6, seconds=30)
        pipe.heal()
        wait_until(lambda: pipe.count_effects() == 10, seconds=20)
        assert pipe.dead_letters() == []
        assert pipe.repeated_effects() == 0

    def test_a_bad_deploy_stops_it_with_3_and_empties_no_topic(self, pipe: Pipe):
        pipe.fault("*", 0, "everything is broken")
        pipe.relay()
        pipe.write(chats=6, last=20)
        consumer = pipe.consumer()
        assert consumer.exit_code(seconds=120) == 3
        assert "Handler second has failed for 10 events in a row" in consumer.log_end()
        assert len(pipe.dead_letters()) == 10
        assert pipe.lag() >= 100
        again = pipe.consumer()  # as a service manager does
        assert again.exit_code(seconds=120) == 3
        assert len(pipe.dead_letters()) == 10
        pipe.heal()
        pipe.consumer()
        wait_until(lambda: pipe.lag() == 0, seconds=30)
        # What was set aside just before the stop comes again, and is handled now: once, too.
        assert 6 * 20 * 2 - 10 <= pipe.count_effects() <= 6 * 20 * 2
        assert pipe.repeated_effects() == 0


class TestOverTheLimit:
    def test_is_set_aside_told_of_and_its_chat_goes_on(self, pipe: Pipe):
        pipe.write(chats=1, last=1)
        with pipe.database() as database:
            database.execute(
                "UPDATE messaging_outboxevent SET payload = jsonb_set(payload::jsonb, '{extra}',"
                " to_jsonb(repeat('x', 1100000)))::text"
            )
        pipe.write(chats=2, first=2, last=3)
        pipe.relay()
        wait_until(lambda: pipe.waiting() == 0, seconds=20)
        assert pipe.arrivals() == {"1": [2, 3], "2": [2, 3]}
        assert pipe.value("SELECT status FROM messaging_outboxevent ORDER BY id LIMIT 1") == 2


class TestDeadLetterTopicAway:
    def test_the_offset_waits_until_it_can_be_written(self, pipe: Pipe):
        # A topic whose records may not be larger than this takes no dead letter.
        pipe.limit_dead_letters(bytes_at_most=100)
        send(pipe, 1, 1)
        pipe.send(OutgoingRecord(pipe.topic, "1", b"bad", ()))
        send(pipe, 1, 2)
        consumer = pipe.consumer()
        wait_until(lambda: consumer.log.read_text().count("A bad record waits") >= 2, seconds=40)
        assert pipe.effects() == {"1": [1]}
        assert pipe.lag() == 2
        assert pipe.dead_letters() == []
        pipe.limit_dead_letters(bytes_at_most=1_000_000)
        wait_until(lambda: pipe.lag() == 0, seconds=30)
        assert pipe.effects() == {"1": [1, 2]}
        assert len(pipe.dead_letters()) == 1
        consumer.signal(signal.SIGTERM)
        assert consumer.exit_code() == 0


def on(pipe: Pipe, record: OutgoingRecord) -> OutgoingRecord:
    return OutgoingRecord(pipe.topic, record.key, record.value, record.headers)
