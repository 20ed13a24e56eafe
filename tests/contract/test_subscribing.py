"""`subscribe` on every adapter: one loop, handlers by topic, nothing stops it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from messaging.contract.records import OutgoingRecord
from tests.contract.conftest import Bus
from tests.support.processes import DEADLINE, PATIENCE
from tests.support.services import wait_until

Unique = Callable[[str], str]


class Heard:
    """A handler that remembers."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def __call__(self, message: Any) -> None:
        self.ids.append(message["id"])


class TestSubscribe:
    def test_hands_on_everything_from_the_beginning(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("subscribe"))
        adapter = bus.adapter(group_id=unique("group"))
        adapter.publish(topic, {"id": "before"})
        heard = Heard()
        adapter.subscribe(topic, heard)
        wait_until(lambda: heard.ids == ["before"], seconds=20)
        adapter.publish(topic, {"id": "after"})
        wait_until(lambda: heard.ids == ["before", "after"], seconds=20)

    def test_gives_each_topic_to_its_own_handlers(self, bus: Bus, unique: Unique) -> None:
        first, second = bus.topic(unique("first")), bus.topic(unique("second"))
        adapter = bus.adapter(group_id=unique("group"))
        on_first, on_second, also_on_second = Heard(), Heard(), Heard()
        adapter.subscribe(first, on_first)
        adapter.subscribe(second, on_second)
        adapter.subscribe(second, also_on_second)
        adapter.publish(first, {"id": "1"})
        adapter.publish(second, {"id": "2"})
        wait_until(lambda: len(on_first.ids + on_second.ids + also_on_second.ids) == 3, seconds=20)
        assert (on_first.ids, on_second.ids, also_on_second.ids) == (["1"], ["2"], ["2"])

    def test_while_running_is_queued_and_joined(self, bus: Bus, unique: Unique) -> None:
        first, second = bus.topic(unique("first")), bus.topic(unique("second"))
        adapter = bus.adapter(group_id=unique("group"))
        on_first, on_second = Heard(), Heard()
        adapter.subscribe(first, on_first)
        adapter.publish(first, {"id": "1"})
        wait_until(lambda: on_first.ids == ["1"], seconds=20)
        adapter.publish(second, {"id": "2"})
        adapter.subscribe(second, on_second)
        wait_until(lambda: on_second.ids == ["2"], seconds=20)
        adapter.publish(first, {"id": "3"})
        wait_until(lambda: on_first.ids == ["1", "3"], seconds=20)

    def test_goes_on_after_a_handlers_exception_and_logs_it_without_content(
        self, bus: Bus, unique: Unique, caplog: pytest.LogCaptureFixture
    ) -> None:
        topic = bus.topic(unique("failing"), partitions=1)
        adapter = bus.adapter(group_id=unique("group"))
        heard: list[str] = []

        def fail_on_bad(message: Any) -> None:
            if message["id"] == "bad":
                raise ValueError("no")
            heard.append(message["id"])

        with caplog.at_level(logging.INFO, "messaging"):
            adapter.subscribe(topic, fail_on_bad)
            for name in ("good", "bad", "better"):
                adapter.publish(topic, {"id": name, "content": "not-for-the-log"})
            wait_until(lambda: heard == ["good", "better"], seconds=20)
        (failure,) = [r for r in caplog.records if "handler failed" in r.getMessage()]
        assert vars(failure)["topic"] == topic
        assert vars(failure)["offset"] == 1
        assert "not-for-the-log" not in caplog.text

    @pytest.mark.parametrize("value", [b"{not json", b"", b"[1]", b"\xff"])
    def test_passes_over_what_is_no_message(self, bus: Bus, unique: Unique, value: bytes) -> None:
        topic = bus.topic(unique("broken"), partitions=1)
        adapter = bus.adapter(group_id=unique("group"))
        adapter.publish_many([OutgoingRecord(topic, "k", value), OutgoingRecord(topic, "k", None)])
        adapter.publish(topic, {"id": "good"})
        heard = Heard()
        adapter.subscribe(topic, heard)
        wait_until(lambda: heard.ids == ["good"], seconds=20)

    def test_goes_on_after_a_restart_where_it_was_closed(self, bus: Bus, unique: Unique) -> None:
        topic, group = bus.topic(unique("restart")), unique("group")
        first, heard_first = bus.adapter(group_id=group), Heard()
        first.subscribe(topic, heard_first)
        first.publish(topic, {"id": "1"})
        wait_until(lambda: heard_first.ids == ["1"], seconds=20)
        first.close()
        second, heard_second = bus.adapter(group_id=group), Heard()
        second.publish(topic, {"id": "2"})
        second.subscribe(topic, heard_second)
        wait_until(lambda: "2" in heard_second.ids, seconds=20)
        assert heard_second.ids == ["2"]

    def test_comes_back_by_itself_when_the_bus_was_away(
        self, fragile_bus: Bus, unique: Unique
    ) -> None:
        topic = fragile_bus.topic(unique("away"))
        adapter = fragile_bus.adapter(group_id=unique("group"))
        adapter.publish(topic, {"id": "1"})
        heard = Heard()
        fragile_bus.stop()
        adapter.subscribe(topic, heard)
        fragile_bus.start()
        wait_until(lambda: heard.ids == ["1"], seconds=40)
        fragile_bus.stop()
        fragile_bus.start()
        adapter.publish(topic, {"id": "2"}, retries=5)
        wait_until(lambda: "2" in heard.ids, seconds=40)


class TestClose:
    def test_lets_the_handler_finish_and_commits_it(self, bus: Bus, unique: Unique) -> None:
        topic, group = bus.topic(unique("close")), unique("group")
        adapter = bus.adapter(group_id=group)
        is_working, may_finish = threading.Event(), threading.Event()
        finished: list[str] = []

        def work(message: Any) -> None:
            is_working.set()
            may_finish.wait(DEADLINE)
            finished.append(message["id"])

        adapter.publish(topic, {"id": "1"})
        adapter.subscribe(topic, work)
        assert is_working.wait(DEADLINE)
        closing = threading.Thread(target=adapter.close)
        closing.start()
        may_finish.set()
        closing.join(DEADLINE)
        assert not closing.is_alive()
        assert finished == ["1"]
        lag = bus.adapter().lag(group_id=group, topics=[topic])
        assert sum(part.records for part in lag) == 0

    def test_waits_no_longer_than_it_was_told(self, bus: Bus, unique: Unique) -> None:
        topic = bus.topic(unique("slow"))
        adapter = bus.adapter(group_id=unique("group"))
        is_working, may_finish = threading.Event(), threading.Event()

        def work(message: Any) -> None:
            is_working.set()
            may_finish.wait(DEADLINE)

        adapter.publish(topic, {"id": "1"})
        adapter.subscribe(topic, work)
        assert is_working.wait(DEADLINE)
        started = time.monotonic()
        adapter.close(timeout_seconds=0.5)
        assert time.monotonic() - started < 2 * PATIENCE
        may_finish.set()
