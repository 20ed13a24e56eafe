"""Oneself, other people, whom one has blocked, and what one reports."""

from __future__ import annotations

from chat.content.text import CONTENT_LENGTH
from chat.limits.doors import under
from chat.limits.table import CHANGES, LOOK_UPS, READS, REPORTS
from chat.models import Report, User
from chat.reads import directory
from chat.reads.blocks import blocks_page
from chat.services.attachments import max_bytes
from chat.services.people import blocks
from chat.services.people.reports import create_report
from chat.wire.fields import Fields
from chat.wire.payloads import Made, Payload, person_payload, timestamp


@under(READS)
def read_me(user: User, fields: Fields) -> Payload:
    me = {**person_payload(user), "language": user.language}
    return {"user": me, "limits": {"content": CONTENT_LENGTH, "upload": max_bytes()}}


@under(LOOK_UPS)
def find_people(user: User, fields: Fields) -> Payload:
    return {"people": directory.find_people(user, fields.words())}


@under(READS)
def list_blocks(user: User, fields: Fields) -> Payload:
    return blocks_page(user, fields.page())


@under(CHANGES)
def block_person(user: User, fields: Fields) -> None:
    blocks.block_person(blocker=user, user_id=fields.id("user_id"))


@under(CHANGES)
def unblock_person(user: User, fields: Fields) -> None:
    blocks.unblock_person(blocker=user, user_id=fields.id("user_id"))


@under(REPORTS)
def report(user: User, fields: Fields) -> Made | Payload:
    """Nothing new is made while staff is not done with the first one."""
    made, is_new = create_report(
        reporter=user,
        kind=fields.text("kind"),
        target_id=fields.id("id"),
        reason=fields.text("reason"),
        text=fields.optional_text("text"),
    )
    payload = {"report": _report_payload(made)}
    return Made(payload) if is_new else payload


def _report_payload(report: Report) -> Payload:
    return {
        "id": report.pk,
        "kind": report.kind,
        "reason": report.reason,
        "state": report.state,
        "created_at": timestamp(report.created_at),
    }
