"""`prune` removes expired rows, and nothing else."""

from __future__ import annotations

import json
import os
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import models
from django.utils import timezone

from chat.models import ActivityCount, Attachment, Chat, Message, Notification, Report, User
from chat.upkeep.pruning import KINDS
from messaging.models import DeadLetter, HandledEvent, OutboxEvent
from tests.support.people import make_person, post_text

pytestmark = pytest.mark.django_db

LITTLE = timedelta(hours=1)


def moment(kind: str, *, is_due: bool) -> Any:
    """A little before or after rows of this kind expire."""
    kept = timedelta(days=settings.KEPT_DAYS[kind])
    return timezone.now() - kept + (-LITTLE if is_due else LITTLE)


def prune(*arguments: str) -> dict[str, int]:
    out = StringIO()
    call_command("prune", "--json", *arguments, stdout=out)
    return dict(json.loads(out.getvalue())["rows"])


def count_of(rows: type[models.Model]) -> int:
    return rows._default_manager.count()


@pytest.fixture(autouse=True)
def nothing_else(chat: Chat, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    OutboxEvent.objects.all().delete()


def add_activity(span: str, kind: str, *, is_due: bool) -> None:
    ActivityCount.objects.create(
        span=span, starts_at=moment(kind, is_due=is_due), chat_id=1, user_id=1, messages=1
    )


def add_event(status: int, *, is_due: bool) -> uuid.UUID:
    row = OutboxEvent.objects.create(
        topic="t", key="1", event_type="a.b", payload="{}", status=status,
        created_at=moment("outbox", is_due=is_due),
    )  # fmt: skip
    return row.event_id


def add_handled(event_id: uuid.UUID, *, is_due: bool) -> None:
    handled_at = moment("handled_events", is_due=is_due)
    HandledEvent.objects.create(
        event_id=event_id, group="g", handler="h", topic="t", handled_at=handled_at
    )


def add_upload(chat: Chat, person: User, *, is_due: bool, message: Message | None = None) -> Path:
    upload = Attachment(
        chat=chat, uploader=person, message=message, kind="file", name="a.txt",
        content_type="text/plain", size=1, created_at=moment("uploads", is_due=is_due),
    )  # fmt: skip
    upload.file.save("a.txt", ContentFile(b"a"), save=False)
    upload.save()
    return Path(upload.file.path)


class TestPrune:
    def test_removes_minutes_and_hours_of_activity_and_never_days(self):
        for is_due in (True, False):
            add_activity("minute", "activity_minutes", is_due=is_due)
            add_activity("hour", "activity_hours", is_due=is_due)
        add_activity("day", "activity_hours", is_due=True)
        done = prune("--execute")
        assert (done["activity_minutes"], done["activity_hours"]) == (1, 1)
        assert sorted(ActivityCount.objects.values_list("span", flat=True)) == [
            *("day", "hour", "minute")
        ]

    def test_removes_events_that_are_done_with_and_no_others(self):
        status = OutboxEvent.Status
        kept = {add_event(each, is_due=True) for each in (status.WAITING, status.ERROR)}
        for each in (status.PUBLISHED, status.CANCELLED):
            add_event(each, is_due=True)
        kept.add(add_event(status.PUBLISHED, is_due=False))
        assert prune("--execute")["outbox"] == 2
        assert set(OutboxEvent.objects.values_list("event_id", flat=True)) == kept

    def test_keeps_what_was_handled_of_an_event_that_another_group_is_not_done_with(self):
        waits = add_event(OutboxEvent.Status.WAITING, is_due=True)
        add_handled(waits, is_due=True)
        add_handled(uuid.uuid4(), is_due=True)
        add_handled(uuid.uuid4(), is_due=False)
        assert prune("--execute")["handled_events"] == 1
        assert HandledEvent.objects.filter(event_id=waits).exists()
        assert count_of(HandledEvent) == 2

    @pytest.mark.django_db(transaction=True)
    def test_removes_uploads_that_were_never_sent_with_their_files(self, chat: Chat, ann: User):
        forgotten = add_upload(chat, ann, is_due=True)
        young = add_upload(chat, ann, is_due=False)
        sent = add_upload(chat, ann, is_due=True, message=post_text(chat, ann))
        assert prune("--execute")["uploads"] == 1
        assert [path.exists() for path in (forgotten, young, sent)] == [False, True, True]
        assert count_of(Attachment) == 2

    def test_removes_files_of_which_no_upload_knows(self, chat: Chat, ann: User):
        known = add_upload(chat, ann, is_due=False, message=post_text(chat, ann))
        folder = known.parent
        old, young = folder / "old", folder / "young"
        for path in (old, young):
            path.write_bytes(b"a")
        for path in (old, known):
            os.utime(path, (0, 0))
        assert prune()["stray_files"] == 1
        assert prune("--execute")["stray_files"] == 1
        assert [path.exists() for path in (old, young, known)] == [False, True, True]

    def test_removes_notifications_that_were_seen_long_ago(self, chat: Chat, ann: User, bob: User):
        for seen_at in (
            moment("notifications", is_due=True),
            moment("notifications", is_due=False),
            None,
        ):
            Notification.objects.create(
                user=ann, actor=bob, chat=chat, kind="mention", event_id=uuid.uuid4(),
                seen_at=seen_at, created_at=timezone.now() - timedelta(days=999),
            )  # fmt: skip
        assert prune("--execute")["notifications"] == 1
        assert count_of(Notification) == 2

    def test_removes_reports_that_staff_was_done_with_long_ago(
        self, chat: Chat, ann: User, bob: User
    ):
        for state, is_due in (("new", True), ("looked_at", True), ("done", True), ("done", False)):
            Report.objects.create(
                reporter=ann, kind="person", person=make_person(), reason="spam", state=state,
                handled_at=None if state == "new" else moment("reports", is_due=is_due),
                created_at=timezone.now() - timedelta(days=999),
            )  # fmt: skip
        assert prune("--execute")["reports"] == 1
        assert sorted(Report.objects.values_list("state", flat=True)) == [
            *("done", "looked_at", "new")
        ]

    def test_removes_dead_letters_that_were_closed_long_ago(self):
        for status, is_due in (
            ("open", True),
            ("replayed", True),
            ("discarded", True),
            ("replayed", False),
        ):
            DeadLetter.objects.create(
                topic="t", group="g", error_class="E", status=status,
                closed_at=None if status == "open" else moment("dead_letters", is_due=is_due),
            )  # fmt: skip
        assert prune("--execute")["dead_letters"] == 2
        left = DeadLetter.objects.values_list("status", flat=True)
        assert sorted(left) == ["open", "replayed"]

    def test_changes_nothing_without_being_told_to(self):
        add_activity("minute", "activity_minutes", is_due=True)
        assert prune()["activity_minutes"] == 1
        assert count_of(ActivityCount) == 1

    def test_goes_on_from_step_to_step(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("chat.upkeep.pruning.STEP", 2)
        for _ in range(5):
            add_handled(uuid.uuid4(), is_due=True)
        assert prune("--execute")["handled_events"] == 5
        assert count_of(HandledEvent) == 0

    def test_knows_how_long_each_kind_is_kept(self):
        assert {kind.name for kind in KINDS} == set(settings.KEPT_DAYS)

    def test_says_it_in_words(self):
        add_handled(uuid.uuid4(), is_due=True)
        out = StringIO()
        call_command("prune", stdout=out)
        assert "1  handled events (kept for 30 days)" in out.getvalue()
