"""Reporting a message, a person or a chat: what may be reported, what is kept, who hears of it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from chat.errors import ChatError, ConflictError, NotFoundError
from chat.models import Attachment, AuditEntry, Report, User
from chat.services.messages import delete_message, edit_message
from chat.services.people.account_deletion import delete_account
from chat.services.people.blocks import block_person
from chat.services.people.moderation import hide_message
from chat.services.people.reports import create_report
from chat.staff.groups import GROUPS
from messaging.models import OutboxEvent
from tests.support.bus_parts import handle_waiting
from tests.support.people import (
    browser_of,
    make_direct,
    make_group,
    make_people,
    make_person,
    make_public,
    post_text,
    remove,
)
from tests.support.processes import PATIENCE

SECRET = "the very words"


def report(reporter: User, kind: str, target: Any, **fields: Any) -> Report:
    given = {"reason": "spam", **fields}
    made, _is_new = create_report(reporter=reporter, kind=kind, target_id=target.pk, **given)
    return made


class World:
    """Ann and Bob in a group and a direct chat; Eve shares no chat with Ann."""

    def __init__(self) -> None:
        self.ann, self.bob, self.eve = make_people("ann", "bob", "eve")
        self.group = make_group(self.ann, self.bob, title="Garden")
        self.direct = make_direct(self.ann, self.bob)
        self.public = make_public(self.eve)
        self.elsewhere = make_group(self.eve)
        self.message = post_text(self.group, self.bob, SECRET)
        self.own = post_text(self.group, self.ann, "mine")
        self.eves = post_text(self.elsewhere, self.eve, "hers")
        self.publics = post_text(self.public, self.eve, "for those who join")
        self.bot = make_person("bot", is_bot=True)


@pytest.fixture
def world(db: None) -> World:
    return World()


# What Ann reports, and what becomes of it.
REPORTED: list[tuple[str, str, type[ChatError] | None]] = [
    ("message", "message", None),
    ("message", "own", ConflictError),
    ("message", "eves", NotFoundError),
    ("message", "publics", NotFoundError),
    ("person", "bob", None),
    ("person", "eve", None),
    ("person", "ann", ConflictError),
    ("person", "bot", NotFoundError),
    ("chat", "group", None),
    ("chat", "direct", None),
    ("chat", "public", None),
    ("chat", "elsewhere", NotFoundError),
]


class TestWhatMayBeReported:
    @pytest.mark.parametrize(("kind", "name", "error"), REPORTED)
    def test_is_what_the_reporter_sees(self, world: World, kind: str, name: str, error: Any):
        target = getattr(world, name)
        if error is None:
            made = report(world.ann, kind, target)
            assert getattr(made, kind) == target
            assert (made.state, made.reporter) == ("new", world.ann)
            return
        with pytest.raises(error):
            report(world.ann, kind, target)
        assert not Report.objects.exists()

    @pytest.mark.parametrize("kind", ["message", "person", "chat"])
    def test_is_answered_alike_when_it_is_not_there_and_not_theirs(self, world: World, kind: str):
        hidden = {"message": world.eves.pk, "person": world.bot.pk, "chat": world.elsewhere.pk}
        client = browser_of(world.ann)
        answers = [
            client.post(
                "/api/reports",
                {"kind": kind, "id": target_id, "reason": "spam"},
                content_type="application/json",
            )
            for target_id in (hidden[kind], 10**12)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content

    def test_is_nothing_of_a_chat_that_one_was_sent_out_of(self, world: World):
        remove(world.group, world.bob)
        for kind, target in (("message", world.own), ("chat", world.group)):
            with pytest.raises(NotFoundError):
                report(world.bob, kind, target)

    def test_is_no_message_that_nobody_can_read_any_more(self, world: World):
        staff = make_person("staff", is_superuser=True)
        hide_message(staff, world.message.pk, "spam")
        with pytest.raises(ConflictError):
            report(world.ann, "message", world.message)

    def test_is_somebody_who_has_blocked_only_where_one_meets_them(self, world: World):
        for person in (world.bob, world.eve):
            block_person(blocker=person, user_id=world.ann.pk)
        assert report(world.ann, "person", world.bob)
        with pytest.raises(NotFoundError):
            report(world.ann, "person", world.eve)

    def test_is_a_bot_of_ones_own_chat(self, world: World):
        group = make_group(world.ann, world.bot)
        assert report(world.ann, "person", world.bot)
        assert report(world.ann, "chat", group)


class TestEvidence:
    def test_of_a_message_survives_its_edit_and_its_deletion(self, world: World):
        edit_message(actor=world.bob, message_id=world.message.pk, content="second words")
        made = report(world.ann, "message", world.message)
        edit_message(actor=world.bob, message_id=world.message.pk, content="harmless")
        delete_message(actor=world.bob, message_id=world.message.pk)
        made.refresh_from_db()
        assert made.evidence["content"] == "second words"
        assert made.evidence["earlier"] == [SECRET]
        assert made.evidence["sender_id"] == world.bob.pk

    def test_of_a_message_names_its_files(self, world: World):
        Attachment.objects.create(
            chat=world.group, uploader=world.bob, message=world.message, kind="file", file="gone",
            name="plan.txt", content_type="text/plain", size=5,
        )  # fmt: skip
        made = report(world.ann, "message", world.message)
        assert made.evidence["attachments"] == [
            {"name": "plan.txt", "content_type": "text/plain", "size": 5}
        ]

    def test_of_a_person_is_what_they_called_themselves(self, world: World):
        username = world.bob.username
        world.bob.display_name = "The Support"
        world.bob.save()
        made = report(world.ann, "person", world.bob, reason="impersonation")
        delete_account(world.bob)
        made.refresh_from_db()
        assert made.evidence == {"name": "The Support", "username": username}

    def test_of_a_chat_is_its_title(self, world: World):
        made = report(world.ann, "chat", world.group)
        assert made.evidence == {"title": "Garden", "kind": "group"}

    def test_stands_in_no_event_and_in_no_log(self, world: World, caplog: pytest.LogCaptureFixture):
        OutboxEvent.objects.all().delete()
        with caplog.at_level(logging.DEBUG):
            report(world.ann, "message", world.message, text="a private remark")
        (row,) = OutboxEvent.objects.all()
        payload = json.loads(row.payload)
        assert payload["action"] == "report.created"
        assert payload["details"] == {
            "kind": "message", "id": str(world.message.pk), "reason": "spam"
        }  # fmt: skip
        told = row.payload + caplog.text
        assert SECRET not in told
        assert "private remark" not in told

    def test_of_it_is_in_the_audit_log(self, world: World):
        made = report(world.ann, "message", world.message)
        handle_waiting()
        entry = AuditEntry.objects.get(action="report.created")
        assert (entry.actor_id, entry.target_id) == (world.ann.pk, str(made.pk))
        assert entry.chat_id == world.group.pk


class TestReportedAgain:
    def test_while_the_first_is_open_it_is_the_first(self, world: World):
        first = report(world.ann, "message", world.message, text="look")
        delete_message(actor=world.bob, message_id=world.message.pk)
        again, is_new = create_report(
            reporter=world.ann, kind="message", target_id=world.message.pk, reason="violence"
        )
        assert (again, is_new) == (first, False)
        assert (again.reason, again.text) == ("spam", "look")

    @pytest.mark.parametrize("state", ["done", "rejected"])
    def test_once_staff_is_done_it_is_a_new_one(self, world: World, state: str):
        first = report(world.ann, "person", world.bob)
        first.state, first.handled_at = state, timezone.now()
        first.save()
        assert report(world.ann, "person", world.bob) != first

    def test_by_somebody_else_or_of_something_else_it_is_another_one(self, world: World):
        found = {
            report(world.ann, "message", world.message).pk,
            report(world.ann, "person", world.bob).pk,
            report(world.ann, "chat", world.group).pk,
            report(world.bob, "chat", world.group).pk,
        }
        assert len(found) == 4

    def test_is_refused_by_the_database_too(self, world: World):
        report(world.ann, "chat", world.group)
        fields = {"reporter": world.ann, "kind": "chat", "chat": world.group, "reason": "spam"}
        with pytest.raises(IntegrityError), transaction.atomic():
            Report.objects.create(**fields)
        with pytest.raises(IntegrityError), transaction.atomic():
            Report.objects.create(**{**fields, "kind": "person"})

    def test_is_said_by_the_route(self, world: World):
        client = browser_of(world.ann)
        body = {"kind": "chat", "id": world.group.pk, "reason": "other", "text": " please look "}
        answers = [
            client.post("/api/reports", body, content_type="application/json") for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [201, 200]
        assert answers[0].json() == answers[1].json()
        assert answers[0].json()["report"]["state"] == "new"
        assert Report.objects.get().text == "please look"

    @pytest.mark.django_db(transaction=True)
    def test_at_the_same_moment_it_is_one(self, ann: User, bob: User):
        group = make_group(ann, bob)
        start = threading.Barrier(4)
        found: list[int] = []

        def ask() -> None:
            try:
                start.wait(10 * PATIENCE)
                found.append(report(bob, "chat", group).pk)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30 * PATIENCE)
        assert len(found) == 4
        assert len(set(found)) == 1


class TestGoneReporter:
    def test_leaves_the_report_without_a_name(self, world: World):
        username = world.ann.username
        made = report(world.ann, "message", world.message, text="he does it again")
        delete_account(world.ann)
        made = Report.objects.select_related("reporter").get(pk=made.pk)
        assert made.evidence["content"] == SECRET
        assert made.reporter.deleted_at is not None
        assert username not in json.dumps(Report.objects.values().get(pk=made.pk), default=str)
        assert username not in made.reporter.username


class TestStaff:
    def test_who_moderates_reads_and_decides(self):
        rights = {"chat.view_report", "chat.change_report"}
        assert rights <= GROUPS["Moderators"]
        for others in ("Operators", "Auditors"):
            assert not rights & GROUPS[others], others


class TestTheReported:
    def test_is_told_nothing(self, world: World, told: Callable[[Callable[[], object]], list[Any]]):
        def report_all() -> None:
            report(world.ann, "message", world.message)
            report(world.ann, "person", world.bob)
            report(world.ann, "chat", world.group)

        assert told(report_all) == []
