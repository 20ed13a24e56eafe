from __future__ import annotations

import pytest

from messaging.handling.dead_letter_limit import DeadLetterLimit, TooManyDeadLettersError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def note(limit: DeadLetterLimit, handler: str, times: int) -> None:
    for _ in range(times):
        limit.check(handler)
        limit.note_dead(handler)


class TestDeadLetterLimit:
    def test_stops_a_handler_that_fails_for_everything(self):
        limit = DeadLetterLimit(in_a_row=3)
        note(limit, "audit", 3)
        with pytest.raises(TooManyDeadLettersError, match="audit has failed for 3 events"):
            limit.check("audit")
        limit.check("heads")

    def test_forgets_when_the_handler_works(self):
        limit = DeadLetterLimit(in_a_row=3)
        for _ in range(5):
            note(limit, "audit", 3)
            limit.note_success(["audit", "heads"])

    def test_stops_a_flood_within_the_window_and_goes_on_after_it(self):
        clock = Clock()
        limit = DeadLetterLimit(count=5, window_seconds=60, clock=clock)
        note(limit, "", 5)
        clock.now = 59
        with pytest.raises(TooManyDeadLettersError, match="5 records were set aside within 60 s"):
            limit.check("")
        clock.now = 60
        note(limit, "", 5)

    def test_bad_records_in_a_row_are_nobodys_fault(self):
        note(DeadLetterLimit(in_a_row=3, count=100), "", 50)

    def test_remembers_earlier_processes(self):
        limit = DeadLetterLimit(in_a_row=3)
        limit.remember({"audit": 2})
        note(limit, "audit", 1)
        with pytest.raises(TooManyDeadLettersError):
            limit.check("audit")
