from __future__ import annotations

import threading

import pytest

from messaging.bus.bounded import BoundedCalls
from tests.support.processes import DEADLINE
from tests.support.services import wait_until


class Closable:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class TestBoundedCalls:
    def test_give_the_result_or_the_error(self) -> None:
        calls = BoundedCalls()
        assert calls.run("add", lambda: 1 + 1, timeout_seconds=5) == 2
        with pytest.raises(ZeroDivisionError):
            calls.run("divide", lambda: 1 / 0, timeout_seconds=5)

    def test_end_at_the_deadline_and_close_what_comes_late(self) -> None:
        calls, may_go_on, made = BoundedCalls(), threading.Event(), Closable()

        def hang() -> Closable:
            may_go_on.wait(DEADLINE)
            return made

        with pytest.raises(TimeoutError):
            calls.run("hang", hang, timeout_seconds=0.05)
        may_go_on.set()
        wait_until(lambda: made.is_closed, seconds=5)

    def test_end_early_when_there_is_no_hope(self) -> None:
        may_go_on = threading.Event()
        with pytest.raises(TimeoutError):
            BoundedCalls().run(
                "hopeless",
                lambda: may_go_on.wait(DEADLINE),
                timeout_seconds=60,
                give_up=lambda: True,
            )
        may_go_on.set()

    def test_lose_one_thread_to_a_hung_call_however_often_it_is_tried(self) -> None:
        calls, may_go_on, started = BoundedCalls(), threading.Event(), []

        def hang() -> None:
            started.append(threading.current_thread())
            may_go_on.wait(DEADLINE)

        for _ in range(5):
            with pytest.raises(TimeoutError):
                calls.run("hang", hang, timeout_seconds=0.02)
        assert len(started) == 1
        assert calls.run("another", lambda: 1, timeout_seconds=5) == 1
        may_go_on.set()
        assert calls.run("hang", lambda: 2, timeout_seconds=5) == 2

    def test_of_one_name_wait_for_their_turn(self) -> None:
        calls, is_running, may_go_on = BoundedCalls(), threading.Event(), threading.Event()
        results: list[int] = []

        def first() -> int:
            is_running.set()
            may_go_on.wait(DEADLINE)
            return 1

        thread = threading.Thread(
            target=lambda: results.append(calls.run("same", first, timeout_seconds=10))
        )
        thread.start()
        assert is_running.wait(DEADLINE)
        second = threading.Thread(
            target=lambda: results.append(calls.run("same", lambda: 2, timeout_seconds=10))
        )
        second.start()
        may_go_on.set()
        thread.join(DEADLINE)
        second.join(DEADLINE)
        assert sorted(results) == [1, 2]
