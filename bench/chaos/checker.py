"""Judges what happened by what ARCHITECTURE.md promises. Pure: evidence in, violations out."""

from __future__ import annotations

from bench.chaos.checks import answers, effects, kept, screens, ticks, topics
from bench.chaos.checks.violations import Facts, Violation
from bench.chaos.history import Evidence

CHECKS = (
    answers.every_ok_is_kept,
    answers.sent_again_is_the_first,
    answers.every_send_is_answered,
    kept.each_message_once,
    kept.numbers_without_holes,
    kept.words_as_written,
    screens.only_what_is_kept,
    screens.events_once_and_in_order,
    screens.only_ones_own,
    screens.nobody_writes_after_removal,
    screens.everyone_has_all,
    ticks.only_forward,
    ticks.never_taken_back,
    topics.every_event_is_there,
    topics.every_message_has_its_event,
    topics.in_order_and_once,
    topics.only_what_is_kept,
    effects.each_handled_once,
    effects.counts_are_right,
    effects.no_dead_letters,
)


def violations(evidence: Evidence) -> list[Violation]:
    facts = Facts(evidence)
    return [found for check in CHECKS for found in check(facts)]
