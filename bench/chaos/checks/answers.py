"""A reply `ok` means committed; sending again gives the first message; nobody waits for ever."""

from __future__ import annotations

from collections.abc import Iterator

from bench.chaos.checks.violations import (
    DOUBLED,
    FALSE_OK,
    REFUSED,
    UNANSWERED,
    Facts,
    Violation,
)
from bench.chaos.history import OK, Answer, Try

# After these a client comes again.
COME_AGAIN = {"unavailable", "too_many", "error"}


def every_ok_is_kept(facts: Facts) -> Iterator[Violation]:
    for answer in facts.history.answers:
        tried = facts.tries.get(answer.request_id)
        if answer.code == OK and tried is not None:
            yield from _kept_as_told(facts, tried, answer)


def _kept_as_told(facts: Facts, tried: Try, answer: Answer) -> Iterator[Violation]:
    message_id = answer.message_id or tried.message_id
    kept = facts.kept.get(message_id)
    what = f"{tried.kind} of {tried.person} was answered ok for message {message_id}"
    if kept is None:
        yield Violation(FALSE_OK, f"{what}, which the database does not have")
    elif tried.kind == "send" and (answer.seq, tried.person, tried.client_message_id) != (
        kept.seq,
        kept.sender,
        kept.client_message_id,
    ):
        yield Violation(FALSE_OK, f"{what} as {answer.seq}; the database has {kept}")
    elif answer.revision > kept.revision:
        yield Violation(FALSE_OK, f"{what}, revision {answer.revision}; it is at {kept.revision}")


def sent_again_is_the_first(facts: Facts) -> Iterator[Violation]:
    first: dict[str, tuple[int, int]] = {}
    for answer in facts.history.answers:
        tried = facts.tries.get(answer.request_id)
        if answer.code != OK or tried is None or tried.kind != "send":
            continue
        told = (answer.message_id, answer.seq)
        if first.setdefault(tried.client_message_id, told) != told:
            words = f"{tried.client_message_id} was answered {first[tried.client_message_id]}"
            yield Violation(DOUBLED, f"{words} and {told}")


def every_send_is_answered(facts: Facts) -> Iterator[Violation]:
    """With ok in the end, but for those who are no longer in the chat."""
    for client_message_id, sends in facts.sends.items():
        codes = {facts.answers[s.request_id].code for s in sends if s.request_id in facts.answers}
        first = sends[0]
        if OK in codes or facts.was_removed(first.person, first.chat_id):
            continue
        if refusals := codes - COME_AGAIN:
            words = f"{client_message_id} of {first.person} was refused: {sorted(refusals)}"
            yield Violation(REFUSED, words)
        else:
            words = f"{client_message_id} of {first.person} was tried {len(sends)} times"
            yield Violation(UNANSWERED, f"{words}, and told {sorted(codes)}")
