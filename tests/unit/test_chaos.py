"""The checker of script/chaos finds each kind of broken promise in histories made up for it, and
nothing in one where all went well; the plan of faults comes from its seed."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from bench.chaos import plan
from bench.chaos.checker import violations
from bench.chaos.checks.effects import OF_EVERY_EVENT
from bench.chaos.history import (
    CREATED,
    PAGE,
    Answer,
    Evidence,
    Foreign,
    History,
    KeptChat,
    KeptCursors,
    KeptEvent,
    Message,
    Record,
    Removal,
    Screen,
    Seen,
    Stored,
    Tick,
    Try,
)
from bench.chaos.screen import ChatScreen
from chat.events.topics import MESSAGES_TOPIC
from chat.handlers import HANDLERS
from messaging.handling.registry import MAIN_GROUP

CHAT, ANNA, BORIS, EVE = 7, 1, 2, 3
ONE = Message(11, CHAT, 1, ANNA, "a", "one", revision=1)
TWO = Message(12, CHAT, 2, ANNA, "b", "two", revision=2)
TWO_EDITED = TWO._replace(content="two, better", revision=3)


def sent(message: Message, at: float = 0.0, **fields: Any) -> Try:
    request_id = f"send {message.client_message_id}"
    who = message.sender, "send", CHAT, request_id
    return Try(at, *who, message.client_message_id, content=message.content)._replace(**fields)


def told(message: Message) -> Answer:
    request_id = f"send {message.client_message_id}"
    about = message.id, message.seq, message.revision
    return Answer(0.1, message.sender, request_id, "ok", *about)


def seen(
    message: Message, how: str = CREATED, person: int = BORIS, *, applied: bool = True
) -> Seen:
    return Seen(0.2, person, 1, how, message.revision, message, applied)


def record(message: Message, event_id: str, action: str = "created", offset: int = 0) -> Record:
    return Record(0, offset, str(CHAT), event_id, action, message)


def event(event_id: str, revision: int, action: str = "created") -> KeptEvent:
    return KeptEvent(event_id, CHAT, action, revision, True, dict.fromkeys(OF_EVERY_EVENT, 1), 1)


@pytest.fixture
def evidence() -> Evidence:
    """Anna wrote two messages and edited the second, Boris saw it all; so it is kept and told."""
    edit = Try(0.3, ANNA, "edit", CHAT, "edit b", message_id=TWO.id, content=TWO_EDITED.content)
    return Evidence(
        History(
            tries=[sent(ONE), sent(TWO), edit],
            answers=[told(ONE), told(TWO), Answer(0.4, ANNA, "edit b", revision=3)],
            seen=[seen(ONE), seen(TWO), seen(TWO_EDITED, "message.edited")],
            ticks=[Tick(0.5, BORIS, 1, CHAT, 0, "published", 2), tick("read", 2)],
            screens=[Screen(BORIS, CHAT, (ONE, TWO_EDITED))],
        ),
        Stored(
            chats=[KeptChat(CHAT, last_seq=2, revision=3, published_seq=2)],
            messages=[ONE, TWO_EDITED],
            cursors=[KeptCursors(CHAT, ANNA, 2, 2), KeptCursors(CHAT, BORIS, 2, 2)],
            events=[event("e1", 1), event("e2", 2), event("e3", 3, "edited")],
            counted={CHAT: 2},
        ),
        [record(ONE, "e1"), record(TWO, "e2"), record(TWO_EDITED, "e3", "edited")],
    )


def tick(cursor: str, seq: int, **fields: Any) -> Tick:
    return Tick(0.5, ANNA, 1, CHAT, BORIS, cursor, seq)._replace(**fields)


def kinds(evidence: Evidence) -> set[str]:
    return {found.kind for found in violations(evidence)}


class TestChecker:
    def test_finds_nothing_where_all_went_well(self, evidence: Evidence) -> None:
        assert violations(evidence) == []

    def test_takes_what_comes_again_for_what_it_is(self, evidence: Evidence) -> None:
        evidence.records += [record(ONE, "e1", offset=3), record(TWO, "e2", offset=4)]
        evidence.history.tries.append(sent(ONE, request_id="again"))
        evidence.history.answers.append(told(ONE)._replace(request_id="again", duplicate=True))
        evidence.history.seen.append(seen(ONE, applied=False))
        evidence.history.ticks.append(tick("read", 1))
        assert violations(evidence) == []


class TestAnswers:
    def test_ok_for_what_is_not_kept(self, evidence: Evidence) -> None:
        evidence.history.answers[0] = told(ONE)._replace(message_id=99)
        assert "false ok" in kinds(evidence)

    def test_ok_under_another_number(self, evidence: Evidence) -> None:
        evidence.history.answers[0] = told(ONE)._replace(seq=2)
        assert kinds(evidence) == {"false ok"}

    def test_ok_for_an_edit_that_was_not_made(self, evidence: Evidence) -> None:
        evidence.history.answers[2] = Answer(0.4, ANNA, "edit b", revision=9)
        assert "false ok" in kinds(evidence)

    def test_another_message_when_sent_again(self, evidence: Evidence) -> None:
        evidence.history.tries.append(sent(ONE, request_id="again"))
        evidence.history.answers.append(told(TWO)._replace(request_id="again"))
        assert "doubled" in kinds(evidence)

    @pytest.mark.parametrize(
        ("code", "kind"),
        [("forbidden", "refused"), ("unavailable", "unanswered"), (None, "unanswered")],
    )
    def test_none_that_is_ok(self, evidence: Evidence, code: str | None, kind: str) -> None:
        three = Message(13, CHAT, 3, ANNA, "c", "three")
        evidence.history.tries.append(sent(three))
        if code:
            evidence.history.answers.append(told(three)._replace(code=code))
        assert kinds(evidence) == {kind}


class TestKept:
    def test_twice(self, evidence: Evidence) -> None:
        evidence.stored.messages.append(ONE._replace(id=13, seq=3))
        assert "doubled" in kinds(evidence)

    def test_with_a_hole(self, evidence: Evidence) -> None:
        evidence.stored.chats[0] = KeptChat(CHAT, last_seq=3, revision=3, published_seq=3)
        assert "hole" in kinds(evidence)

    @pytest.mark.parametrize("content", ["two", "never written"])
    def test_in_other_words(self, evidence: Evidence, content: str) -> None:
        evidence.stored.messages[1] = TWO_EDITED._replace(content=content)
        assert "other words" in kinds(evidence)

    def test_though_nobody_wrote_it(self, evidence: Evidence) -> None:
        evidence.history.tries.pop(0)
        assert "uncommitted" in kinds(evidence)


class TestScreens:
    def test_without_one_message(self, evidence: Evidence) -> None:
        evidence.history.screens[0] = Screen(BORIS, CHAT, (TWO_EDITED,))
        assert kinds(evidence) == {"lost"}

    def test_with_an_old_wording(self, evidence: Evidence) -> None:
        evidence.history.screens[0] = Screen(BORIS, CHAT, (ONE, TWO))
        assert kinds(evidence) == {"lost"}

    def test_with_what_is_not_kept(self, evidence: Evidence) -> None:
        evidence.history.seen.append(seen(Message(99, CHAT, 3, ANNA, "c", "three", revision=4)))
        assert kinds(evidence) == {"uncommitted"}

    def test_with_words_that_nobody_wrote(self, evidence: Evidence) -> None:
        evidence.history.seen[0] = seen(ONE._replace(content="won"))
        assert kinds(evidence) == {"other words"}

    def test_with_one_message_twice(self, evidence: Evidence) -> None:
        evidence.history.seen.append(seen(TWO._replace(revision=4)))
        assert kinds(evidence) == {"doubled"}

    def test_in_another_order(self, evidence: Evidence) -> None:
        evidence.history.seen[:2] = [seen(TWO), seen(ONE)]
        assert "reordered" in kinds(evidence)

    def test_of_a_page_may_have_an_older_message_changed_later(self, evidence: Evidence) -> None:
        evidence.history.seen[:2] = [seen(TWO, PAGE), seen(ONE, PAGE)]
        assert violations(evidence) == []


class TestLeaks:
    def test_a_line_of_another_chat(self, evidence: Evidence) -> None:
        evidence.history.foreign.append(Foreign(0.5, EVE, CHAT, "heads"))
        assert kinds(evidence) == {"leaked"}

    @pytest.mark.parametrize(
        ("written_at", "mercy_seconds", "found"),
        [(10.9, 1.0, set()), (11.1, 1.0, {"leaked"}), (11.1, 60.0, set())],
    )
    def test_what_was_written_after_the_removal(
        self, evidence: Evidence, written_at: float, mercy_seconds: float, found: set[str]
    ) -> None:
        evidence.history.removals.append(Removal(10.0, EVE, CHAT))
        evidence.history.seen += [seen(ONE, person=EVE), seen(TWO, person=EVE)]
        evidence.history.tries[1] = sent(TWO, at=written_at)
        evidence.mercy_seconds = mercy_seconds
        assert kinds(evidence) == found

    def test_an_ok_for_whoever_was_removed(self, evidence: Evidence) -> None:
        evidence.history.removals.append(Removal(10.0, ANNA, CHAT))
        evidence.history.tries[0] = sent(ONE, at=12.0)
        assert kinds(evidence) == {"leaked"}


class TestTicks:
    def test_behind_for_who_comes_back(self, evidence: Evidence) -> None:
        evidence.history.ticks.append(tick("read", 1, is_first=True))
        assert kinds(evidence) == {"backward"}

    def test_told_and_not_kept(self, evidence: Evidence) -> None:
        evidence.stored.cursors[1] = KeptCursors(CHAT, BORIS, 2, 1)
        assert kinds(evidence) == {"backward"}

    def test_beyond_the_last_message(self, evidence: Evidence) -> None:
        evidence.stored.cursors[1] = KeptCursors(CHAT, BORIS, 3, 3)
        assert kinds(evidence) == {"backward"}

    def test_that_never_said_published(self, evidence: Evidence) -> None:
        evidence.stored.chats[0] = evidence.stored.chats[0]._replace(published_seq=1)
        assert kinds(evidence) == {"backward"}


class TestTopic:
    def test_without_an_event(self, evidence: Evidence) -> None:
        del evidence.records[1]
        assert kinds(evidence) == {"missing on topic"}

    def test_without_what_an_answer_told_of(self, evidence: Evidence) -> None:
        del evidence.records[2], evidence.stored.events[2]
        assert "missing on topic" in kinds(evidence)

    def test_in_another_order(self, evidence: Evidence) -> None:
        evidence.records[:2] = reversed(evidence.records[:2])
        assert kinds(evidence) == {"topic order"}

    def test_on_two_partitions(self, evidence: Evidence) -> None:
        evidence.records[1] = evidence.records[1]._replace(partition=1)
        assert kinds(evidence) == {"topic order"}

    def test_with_one_change_as_two_events(self, evidence: Evidence) -> None:
        evidence.records.insert(1, record(ONE, "e9"))
        assert "doubled" in kinds(evidence)

    def test_in_other_words(self, evidence: Evidence) -> None:
        evidence.records[0] = record(ONE._replace(content="won"), "e1")
        assert kinds(evidence) == {"other words"}

    def test_in_other_words_when_sent_again(self, evidence: Evidence) -> None:
        evidence.records.append(record(TWO._replace(sender=BORIS), "e2"))
        assert "other words" in kinds(evidence)

    def test_under_another_key(self, evidence: Evidence) -> None:
        evidence.records[0] = evidence.records[0]._replace(key="8")
        assert kinds(evidence) == {"other words"}

    def test_with_what_is_not_kept(self, evidence: Evidence) -> None:
        evidence.records.append(record(Message(99, CHAT, 3, ANNA, "c", "three"), "e9"))
        assert "uncommitted" in kinds(evidence)


class TestEffects:
    def test_none(self, evidence: Evidence) -> None:
        evidence.stored.events[0].handled.pop("audit")
        assert kinds(evidence) == {"effect"}

    def test_twice(self, evidence: Evidence) -> None:
        evidence.stored.counted[CHAT] = 3
        assert kinds(evidence) == {"effect"}

    def test_two_audit_entries(self, evidence: Evidence) -> None:
        evidence.stored.events[0] = evidence.stored.events[0]._replace(audited=2)
        assert kinds(evidence) == {"effect"}

    def test_a_good_record_set_aside(self, evidence: Evidence) -> None:
        evidence.stored.dead_letters.append("chat-messages: audit: OperationalError")
        assert kinds(evidence) == {"dead letter"}

    def test_are_those_of_the_handlers_table(self) -> None:
        ours = {h.name for h in HANDLERS if (h.topic, h.group) == (MESSAGES_TOPIC, MAIN_GROUP)}
        assert ours == OF_EVERY_EVENT


class TestScreen:
    def test_takes_the_next_event_drops_older_ones_and_notices_a_hole(self) -> None:
        screen = ChatScreen()
        assert screen.take_event(1, ONE)
        assert not screen.take_event(1, ONE)
        assert not screen.take_event(3, TWO_EDITED)
        assert screen.is_behind
        assert screen.take_page(1, 3, [(3, TWO_EDITED)]) == [True]
        assert not screen.is_behind
        assert screen.by_seq == {1: ONE, 2: TWO_EDITED}

    def test_takes_nothing_of_a_page_beyond_a_hole(self) -> None:
        screen = ChatScreen()
        assert screen.take_page(2, 3, [(3, TWO_EDITED)]) == [False]
        assert (screen.revision, screen.newest) == (0, 3)


class TestPlan:
    def test_is_the_same_for_the_same_seed(self) -> None:
        assert first(20, seed=5) == first(20, seed=5)
        assert first(20, seed=5) != first(20, seed=6)

    def test_has_every_kind_before_any_comes_again(self) -> None:
        faults = [fault for each in first(100, seed=1) for fault in each.faults]
        assert {fault.kind for fault in faults[: len(plan.ALL)]} == {
            f"{target} {how}" for target, how in plan.ALL
        }

    def test_does_one_thing_at_a_time_to_each_target(self) -> None:
        for each in first(200, seed=3):
            targets = [fault.target for fault in each.faults]
            assert 1 <= len(targets) == len(set(targets)) <= plan.MOST_AT_ONCE


def first(number: int, *, seed: int) -> list[plan.Round]:
    return list(islice(plan.rounds(seed), number))
