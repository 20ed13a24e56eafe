"""Reporting a message, a person or a chat to staff. The reported person is told nothing."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from chat.content.text import check_note
from chat.errors import BadRequestError, ConflictError, NotFoundError
from chat.events.facts import record_fact
from chat.models import Block, Chat, Membership, Message, Report, User
from chat.models.reports import REPORT_LENGTH
from chat.reads.evidence import chat_evidence, message_evidence, person_evidence
from chat.services.access import lock_people


def create_report(
    *, reporter: User, kind: str, target_id: int, reason: str, text: str = ""
) -> tuple[Report, bool]:
    """Keeps a copy of what is reported; returns whether the report is new.

    If staff have not yet closed the person's report of the same thing, that one stands.

    Raises BadRequestError, BadTextError, TooLongError, NotFoundError (also for what the reporter
    cannot see), ConflictError.
    """
    if kind not in Report.Kind.values:
        raise BadRequestError.of("kind", ", ".join(Report.Kind.values))
    if reason not in Report.Reason.values:
        raise BadRequestError.of("reason", ", ".join(Report.Reason.values))
    text = check_note(text, limit=REPORT_LENGTH)
    with transaction.atomic():
        # One report per person at a time: existing ones are counted and searched before one is
        # made.
        lock_people(reporter.pk)
        return _find_or_make(reporter, Report.Kind(kind), target_id, reason=reason, text=text)


def _find_or_make(
    reporter: User, kind: Report.Kind, target_id: int, **fields: str
) -> tuple[Report, bool]:
    known = Report.objects.by(reporter).open().filter(kind=kind, **{kind.value: target_id}).first()
    if known is not None:
        return known, False
    target, chat_id, evidence = _LOOKS[kind](reporter, target_id)
    report = Report.objects.create(
        reporter=reporter, kind=kind, evidence=evidence, **{kind.value: target}, **fields
    )
    record_fact(
        "report.created",
        actor=reporter,
        chat_id=chat_id,
        target=("report", report.pk),
        details={"kind": kind.value, "id": str(target_id), "reason": report.reason},
    )
    return report, True


# What is reported, its chat, and a copy of it.
Found = tuple[Any, int | None, dict[str, Any]]


def _message(reporter: User, message_id: int) -> Found:
    messages = Message.objects.visible_to(reporter).filter(pk=message_id)
    message = messages.prefetch_related("attachments").first()
    if message is None:
        raise NotFoundError
    if message.sender_id == reporter.pk:
        raise ConflictError(_("This is your own message. You can delete it."))
    if not message.is_readable:
        raise ConflictError(_("Nobody can read this message any more. You can report the person."))
    return message, message.chat_id, message_evidence(message)


def _person(reporter: User, person_id: int) -> Found:
    """Anyone the person can find, and anyone who shares a chat with them."""
    can_be_found = Q(is_active=True, is_bot=False) & ~Q(
        pk__in=Block.objects.against(reporter).values("blocker")
    )
    companions = Membership.objects.active().filter(chat__in=Chat.objects.with_member(reporter))
    people = User.objects.filter(can_be_found | Q(pk__in=companions.values("user")))
    person = people.filter(pk=person_id).first()
    if person is None:
        raise NotFoundError
    if person == reporter:
        raise ConflictError(_("You cannot report yourself."))
    return person, None, person_evidence(person)


def _chat(reporter: User, chat_id: int) -> Found:
    own = Chat.objects.with_member(reporter).values("pk")
    chat = Chat.objects.filter(Q(kind=Chat.Kind.PUBLIC) | Q(pk__in=own), pk=chat_id).first()
    if chat is None:
        raise NotFoundError
    return chat, chat.pk, chat_evidence(chat)


_LOOKS: Final = {
    Report.Kind.MESSAGE: _message,
    Report.Kind.PERSON: _person,
    Report.Kind.CHAT: _chat,
}
