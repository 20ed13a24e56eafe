"""A health check's look: bounded in time and cost, however many ask."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import pytest

from messaging.operating.looks import FRESH_SECONDS, Look
from tests.support.processes import DEADLINE, PATIENCE


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestLook:
    def test_says_what_it_finds(self):
        assert Look(lambda: ["it leaks"], silence="").answer_within(DEADLINE) == ["it leaks"]

    def test_that_hangs_is_not_waited_for_and_not_begun_a_second_time(self):
        hangs = threading.Event()
        look = Look(lambda: [str(hangs.wait(DEADLINE))], silence="it does not answer")
        before = time.monotonic()
        assert look.answer_within(0.05) == ["it does not answer"]
        threads = threading.active_count()
        assert look.answer_within(0.05) == ["it does not answer"]
        assert time.monotonic() - before < 5 * PATIENCE
        assert threading.active_count() <= threads
        hangs.set()

    def test_is_one_for_all_who_ask_at_once(self):
        began, may_end = threading.Semaphore(0), threading.Event()
        answers: list[list[str]] = []
        look = Look(waiting(began, may_end), silence="silent")
        askers = [
            threading.Thread(target=lambda: answers.append(look.answer_within(DEADLINE)))
            for _ in range(20)
        ]
        for asker in askers:
            asker.start()
        assert began.acquire(timeout=DEADLINE)
        may_end.set()
        for asker in askers:
            asker.join(DEADLINE)
        assert answers == [["looked"]] * 20
        assert not began.acquire(blocking=False)

    def test_stands_for_a_second(self, clock):
        numbers = itertools.count(1)
        look = Look(lambda: [str(next(numbers))], silence="silent", clock=clock)
        assert look.answer_within(DEADLINE) == ["1"]
        clock.now += FRESH_SECONDS * 0.9
        assert look.answer_within(DEADLINE) == ["1"]
        clock.now += FRESH_SECONDS * 0.2
        assert look.answer_within(DEADLINE) == ["2"]

    def test_reports_faults_and_has_none(self):
        def fail() -> list[str]:
            raise ZeroDivisionError("secret")

        look = Look(fail, silence="silent")
        assert look.answer_within(DEADLINE) == ["it cannot be looked at (ZeroDivisionError)"]


def waiting(began: threading.Semaphore, may_end: threading.Event) -> Callable[[], list[str]]:
    def look() -> list[str]:
        began.release()
        may_end.wait(DEADLINE)
        return ["looked"]

    return look
