"""Kafka killed and frozen, PostgreSQL restarted: everything waits, and goes on by itself."""

from __future__ import annotations

import signal
import time

import pytest

from messaging.contract.records import OutgoingRecord
from messaging.contract.validation import encode
from tests.support.bus_parts import message_event
from tests.support.pipe import HANDLERS, Pipe, Worker
from tests.support.processes import PATIENCE
from tests.support.services import Kafka, Postgres, free_port, wait_until

CHATS = 6


def everything(last: int) -> dict[str, list[int]]:
    return {str(chat): list(range(1, last + 1)) for chat in range(1, CHATS + 1)}


def assert_all_arrived(pipe: Pipe, last: int) -> None:
    wait_until(lambda: pipe.waiting() == 0, seconds=30, what="the outbox is empty")
    expected = CHATS * last * len(HANDLERS)
    wait_until(lambda: pipe.count_effects() >= expected, seconds=30, what="all is handled")
    assert pipe.arrivals() == pipe.effects() == everything(last)
    assert pipe.repeated_effects() == 0
    assert pipe.dead_letters() == []


class TestKafkaAway:
    def test_killed_nobody_who_writes_waits_and_all_arrives_in_order(
        self, breakable: Pipe, own_kafka: Kafka
    ):
        relay, consumer = breakable.relay(), breakable.consumer()
        breakable.write(chats=CHATS, last=20)
        own_kafka.kill()
        slowest = breakable.write(chats=CHATS, first=21, last=120)
        assert slowest < 1.0 * PATIENCE
        wait_until(lambda: breaker(breakable) == "open", seconds=40)
        assert breakable.waiting() >= CHATS * 100
        own_kafka.start()
        breakable.write(chats=CHATS, first=121, last=140)
        assert_all_arrived(breakable, 140)
        wait_until(lambda: breaker(breakable) == "closed", seconds=10)
        assert_an_outage_is_two_lines(relay, "Kafka")
        assert len(loud_lines(consumer)) <= 2

    @pytest.mark.long
    def test_frozen_nobody_who_writes_waits_and_all_arrives_in_order(
        self, breakable: Pipe, own_kafka: Kafka
    ):
        breakable.relay("--batch-size", "50")
        breakable.consumer()
        breakable.write(chats=CHATS, last=20)
        own_kafka.freeze()
        slowest = breakable.write(chats=CHATS, first=21, last=120)
        assert slowest < 1.0 * PATIENCE
        wait_until(lambda: breaker(breakable) == "open", seconds=60)
        own_kafka.thaw()
        assert_all_arrived(breakable, 120)

    @pytest.mark.long
    def test_a_relay_that_is_told_to_stop_meanwhile_is_gone_in_time(
        self, breakable: Pipe, own_kafka: Kafka
    ):
        relay = breakable.relay()
        breakable.write(chats=CHATS, last=1)
        wait_until(lambda: breakable.waiting() == 0, seconds=20)
        own_kafka.freeze()
        breakable.write(chats=CHATS, first=2, last=10)
        before = time.monotonic()
        relay.signal(signal.SIGTERM)
        assert relay.exit_code(seconds=20) == 0
        assert time.monotonic() - before < 15 * PATIENCE
        assert breakable.waiting() == CHATS * 9

    def test_a_consumer_that_is_told_to_stop_meanwhile_is_gone_in_time(
        self, breakable: Pipe, own_kafka: Kafka
    ):
        breakable.relay()
        consumer = breakable.consumer()
        breakable.write(chats=CHATS, last=10)
        wait_until(lambda: breakable.count_effects() > 0, seconds=20)
        own_kafka.freeze()
        before = time.monotonic()
        consumer.signal(signal.SIGTERM)
        assert consumer.exit_code(seconds=20) == 0
        assert time.monotonic() - before < 15 * PATIENCE


@pytest.mark.long
class TestKafkaNeverThere:
    def test_the_consumer_says_what_to_do_and_ends_with_69(self, pipe: Pipe):
        pipe.brokers = f"127.0.0.1:{free_port()}"
        consumer = pipe.consumer()
        assert consumer.exit_code(seconds=60) == 69
        words = consumer.log_end()
        assert f"Kafka does not answer at {pipe.brokers}. Start it with" in words
        assert "Traceback" not in words

    def test_the_relay_says_what_to_do_and_waits(self, pipe: Pipe):
        pipe.write(chats=1, last=1)
        pipe.brokers = f"127.0.0.1:{free_port()}"
        relay = pipe.relay()
        wait_until(lambda: "events wait in the outbox" in relay.log_end(), seconds=20)
        wait_until(lambda: breaker(pipe) == "open", seconds=60)
        relay.signal(signal.SIGTERM)
        assert relay.exit_code(seconds=15) == 0
        assert pipe.waiting() == 1


class TestPostgresRestarted:
    def test_relay_and_consumer_go_on_without_a_restart(
        self, breakable: Pipe, own_postgres: Postgres
    ):
        relay, consumer = breakable.relay(), breakable.consumer("--batch-size", "20")
        breakable.write(chats=CHATS, last=40)
        own_postgres.restart()
        breakable.write(chats=CHATS, first=41, last=60)
        own_postgres.kill()
        send_to(breakable)
        wait_until(lambda: "The database is unavailable" in consumer.log.read_text(), seconds=30)
        own_postgres.start()
        breakable.write(chats=CHATS, first=61, last=80)
        wait_until(lambda: breakable.lag() == 0 and breakable.waiting() == 0, seconds=30)
        assert breakable.effects() == everything(80) | {"7": [1]}
        assert breakable.repeated_effects() == 0
        assert breakable.dead_letters() == []
        assert relay.is_running()
        assert consumer.is_running()
        for worker in (relay, consumer):
            assert_an_outage_is_two_lines(worker, "The database")


def loud_lines(worker: Worker) -> list[str]:
    lines = worker.log.read_text().splitlines()
    return [line for line in lines if " WARNING " in line or " ERROR " in line]


def assert_an_outage_is_two_lines(worker: Worker, what: str) -> None:
    """The restart before it may have been one of its own."""
    wait_until(lambda: "is available again" in (loud_lines(worker) or [""])[-1], seconds=30)
    lines = loud_lines(worker)
    assert len(lines) in (2, 4), lines
    assert [f"{what} is " in line for line in lines] == [True] * len(lines)
    assert "failures=" in lines[-1]


def send_to(pipe: Pipe) -> None:
    """A good record past the outbox, while the database is away."""
    value, headers = encode(message_event("7", 1))
    pipe.send(OutgoingRecord(pipe.topic, "7", value, headers))


def breaker(pipe: Pipe) -> str:
    return str(pipe.value("SELECT breaker FROM messaging_relaystate ORDER BY seen_at DESC LIMIT 1"))
