"""The HTTP routes of blocking people and of reporting."""

from __future__ import annotations

from django.urls import path

from chat.http.json import route
from chat.limits.doors import under
from chat.limits.table import CHANGES, READS, REPORTS
from chat.models import Report, User
from chat.reads.blocks import blocks_page
from chat.services.access import known_id
from chat.services.people import blocks
from chat.services.people.reports import create_report
from chat.wire.payloads import Payload, timestamp
from chat.wire.protocol import Frame


@under(READS)
def list_blocks(user: User, fields: Frame) -> Payload:
    return blocks_page(user, fields.page())


@under(CHANGES)
def block(user: User, fields: Frame, user_id: int) -> None:
    blocks.block_person(blocker=user, user_id=known_id(user_id))


@under(CHANGES)
def unblock(user: User, fields: Frame, user_id: int) -> None:
    blocks.unblock_person(blocker=user, user_id=known_id(user_id))


@under(REPORTS)
def report(user: User, fields: Frame) -> tuple[int, Payload]:
    """201; 200 with the first one while staff is not done with it."""
    made, is_new = create_report(
        reporter=user,
        kind=fields.text("kind"),
        target_id=fields.id("id"),
        reason=fields.text("reason"),
        text=fields.optional_text("text"),
    )
    return 201 if is_new else 200, {"report": report_payload(made)}


def report_payload(report: Report) -> Payload:
    return {
        "id": report.pk,
        "kind": report.kind,
        "reason": report.reason,
        "state": report.state,
        "created_at": timestamp(report.created_at),
    }


urlpatterns = [
    path("blocks", route(get=list_blocks)),
    path("blocks/<int:user_id>", route(put=block, delete=unblock)),
    path("reports", route(post=report)),
]
