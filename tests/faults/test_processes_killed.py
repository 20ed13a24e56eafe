"""kill -9 at the worst points, on a real Kafka and a real PostgreSQL."""

from __future__ import annotations

import signal
import time

import pytest

from tests.support.pipe import HANDLERS, Pipe
from tests.support.processes import PATIENCE
from tests.support.services import wait_until

CHATS, MESSAGES = 8, 25
ALL = list(range(1, MESSAGES + 1))
EVERYTHING = {str(chat): ALL for chat in range(1, CHATS + 1)}


class TestRelayKilled:
    @pytest.mark.parametrize(
        "point",
        [pytest.param("relay after reading", marks=pytest.mark.long), "relay after sending"],
    )
    def test_another_sends_again_in_order_with_the_same_event_ids(self, pipe: Pipe, point):
        pipe.write(chats=CHATS, last=MESSAGES)
        doomed = pipe.relay("--batch-size", "60", dies_at=point)
        assert doomed.exit_code() == -signal.SIGKILL
        assert pipe.waiting() == CHATS * MESSAGES
        pipe.relay()
        wait_until(lambda: pipe.waiting() == 0, seconds=20)
        assert pipe.arrivals() == EVERYTHING
        repeats = len(pipe.records()) - CHATS * MESSAGES
        assert repeats == (60 if point == "relay after sending" else 0)

    def test_one_that_stands_by_takes_over_at_once(self, pipe: Pipe):
        first = pipe.relay()
        pipe.write(chats=1, last=1)
        wait_until(lambda: pipe.waiting() == 0, seconds=20)
        pipe.relay()
        first.kill()
        pipe.write(chats=1, first=2, last=2)
        wait_until(lambda: pipe.waiting() == 0, seconds=3)
        assert pipe.arrivals() == {"1": [1, 2]}

    def test_its_share_is_taken_over_within_15_seconds(self, pipe: Pipe):
        doomed, other = pipe.relay("--batch-size", "20"), pipe.relay("--batch-size", "20")
        pipe.write(chats=CHATS, last=5)
        wait_until(lambda: pipe.shares() == [8, 8], seconds=20)
        pipe.write(chats=CHATS, first=6, last=15)
        doomed.kill()
        killed_at = time.monotonic()
        pipe.write(chats=CHATS, first=16, last=MESSAGES)
        wait_until(lambda: pipe.waiting() == 0, seconds=15)
        assert time.monotonic() - killed_at < 15 * PATIENCE
        assert other.is_running()
        assert pipe.arrivals() == EVERYTHING


class TestConsumerKilled:
    @pytest.mark.parametrize(
        "point",
        [
            pytest.param("consumer after polling", marks=pytest.mark.long),
            "consumer after its transaction",
        ],
    )
    def test_its_records_are_handled_by_another_within_15_seconds_and_once(self, pipe: Pipe, point):
        pipe.write(chats=CHATS, last=MESSAGES)
        pipe.relay()
        wait_until(lambda: pipe.waiting() == 0, seconds=20)
        doomed = pipe.consumer("--batch-size", "50", dies_at=point)
        assert doomed.exit_code() == -signal.SIGKILL
        killed_at = time.monotonic()
        handled = pipe.count_effects()
        assert (handled > 0) == (point == "consumer after its transaction")
        pipe.consumer()
        wait_until(lambda: pipe.count_effects() > handled, seconds=15)
        assert time.monotonic() - killed_at < 15 * PATIENCE
        wait_until(lambda: pipe.lag() == 0, seconds=20)
        assert pipe.effects() == EVERYTHING
        assert pipe.repeated_effects() == 0

    def test_members_that_come_and_go_lose_and_repeat_nothing(self, pipe: Pipe):
        pipe.relay()
        first = pipe.consumer("--batch-size", "20")
        pipe.write(chats=CHATS, last=10)
        second = pipe.consumer("--batch-size", "20")
        pipe.write(chats=CHATS, first=11, last=15)
        first.signal(signal.SIGTERM)
        third = pipe.consumer("--batch-size", "20")
        pipe.write(chats=CHATS, first=16, last=20)
        second.kill()
        pipe.write(chats=CHATS, first=21, last=MESSAGES)
        wait_until(lambda: pipe.count_effects() == CHATS * MESSAGES * len(HANDLERS), seconds=30)
        wait_until(lambda: pipe.lag() == 0, seconds=20)
        assert first.exit_code() == 0
        assert third.is_running()
        assert pipe.effects() == EVERYTHING
        assert pipe.repeated_effects() == 0


class TestSignals:
    def test_the_first_finishes_and_commits(self, pipe: Pipe):
        pipe.write(chats=CHATS, last=MESSAGES)
        relay, consumer = pipe.relay(), pipe.consumer("--batch-size", "10")
        wait_until(lambda: pipe.count_effects() > 0, seconds=30)
        before = time.monotonic()
        consumer.signal(signal.SIGTERM)
        relay.signal(signal.SIGINT)
        assert consumer.exit_code(seconds=15) == relay.exit_code(seconds=15) == 0
        assert time.monotonic() - before < 15 * PATIENCE
        assert "signal again to stop at once" in consumer.log_end()
        # What is handled is committed, and the other way round.
        handled = pipe.value("SELECT count(*) FROM messaging_receipt")
        published = pipe.value("SELECT count(*) FROM messaging_outboxevent WHERE status = 1")
        assert published - pipe.lag() == handled / len(HANDLERS)

    def test_the_second_stops_at_once(self, pipe: Pipe):
        pipe.fault("*", 0, "away")
        pipe.write(chats=1, last=1)
        pipe.relay()
        consumer = pipe.consumer()
        wait_until(lambda: "for what it needs" in consumer.log.read_text(), seconds=20)
        consumer.freeze()
        consumer.signal(signal.SIGTERM)
        consumer.signal(signal.SIGINT)
        consumer.thaw()
        assert consumer.exit_code(seconds=5) == 130


@pytest.mark.long
class TestUntilEmpty:
    def test_ends_when_everything_is_read(self, pipe: Pipe):
        pipe.write(chats=CHATS, last=MESSAGES)
        pipe.relay()
        wait_until(lambda: pipe.waiting() == 0, seconds=20)
        consumer = pipe.consumer("--until-empty")
        assert consumer.exit_code() == 0
        assert pipe.effects() == EVERYTHING
        assert pipe.lag() == 0

    def test_stops_after_so_many(self, pipe: Pipe):
        pipe.write(chats=1, last=MESSAGES)
        pipe.relay()
        consumer = pipe.consumer("--max-messages", "10", "--batch-size", "4")
        assert consumer.exit_code() == 0
        assert pipe.effects() == {"1": ALL[:10]}
        wait_until(lambda: pipe.lag() == MESSAGES - 10, seconds=20)
