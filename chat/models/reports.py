"""What people report to staff: a message, a person or a chat."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.chats import Chat
from chat.models.messages import Message

if TYPE_CHECKING:
    from chat.models.people import User

REPORT_LENGTH = 1000
OUTCOME_LENGTH = 500


class ReportQuerySet(models.QuerySet["Report"]):
    def open(self) -> ReportQuerySet:
        """Those that staff have not closed."""
        return self.filter(state__in=OPEN_STATES)

    def by(self, user: User) -> ReportQuerySet:
        return self.filter(reporter=user)

    def closed_before(self, moment: datetime) -> ReportQuerySet:
        return self.exclude(state__in=OPEN_STATES).filter(handled_at__lt=moment)


class Report(models.Model):
    class Kind(models.TextChoices):
        """Of what is reported; each is the name of the field that says which one."""

        MESSAGE = "message", _("message")
        PERSON = "person", _("person")
        CHAT = "chat", _("chat")

    class Reason(models.TextChoices):
        SPAM = "spam", _("spam")
        HARASSMENT = "harassment", _("harassment")
        VIOLENCE = "violence", _("violence")
        ILLEGAL = "illegal", _("something illegal")
        IMPERSONATION = "impersonation", _("impersonation")
        OTHER = "other", _("something else")

    class State(models.TextChoices):
        NEW = "new", _("new")
        LOOKED_AT = "looked_at", _("in review")
        DONE = "done", _("done")
        REJECTED = "rejected", _("rejected")

    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reports"
    )
    kind = models.CharField(max_length=8, choices=Kind)
    message = models.ForeignKey(
        Message, on_delete=models.PROTECT, null=True, blank=True, related_name="reports"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reports_about",
    )
    chat = models.ForeignKey(
        Chat, on_delete=models.PROTECT, null=True, blank=True, related_name="reports"
    )
    # As it was when it was reported, whatever is edited or deleted afterwards
    # (chat/reads/evidence.py).
    # What people wrote: never logged, never on the bus.
    evidence = models.JSONField(default=dict)
    reason = models.CharField(max_length=16, choices=Reason)
    text = models.CharField(max_length=REPORT_LENGTH, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=12, choices=State, default=State.NEW)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    handled_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=OUTCOME_LENGTH, blank=True, default="")

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="message", message__isnull=False, person=None, chat=None)
                | Q(kind="person", message=None, person__isnull=False, chat=None)
                | Q(kind="chat", message=None, person=None, chat__isnull=False),
                name="report_of_one_thing",
            ),
            # A person's open report of the same thing is one.
            *(
                models.UniqueConstraint(
                    fields=["reporter", kind],
                    condition=Q(state__in=["new", "looked_at"]),
                    name=f"report_{kind}_once",
                )
                for kind in ("message", "person", "chat")
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], name="report_open", condition=Q(state__in=["new", "looked_at"])
            ),
        ]

    def __str__(self) -> str:
        return f"report {self.pk} of a {self.kind}"


OPEN_STATES = frozenset({Report.State.NEW, Report.State.LOOKED_AT})
