"""How many messages were written, by chat and person, per minute, hour and day."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ActivityBase(models.Model):
    """A count. A chat's rows are all written by the consumer of its partition: nobody waits."""

    class Span(models.TextChoices):
        MINUTE = "minute", _("minute")
        HOUR = "hour", _("hour")
        DAY = "day", _("day")

    span = models.CharField(max_length=6, choices=Span)
    # The beginning of the minute, the hour or the day, in UTC.
    starts_at = models.DateTimeField()
    # Numbers, not foreign keys: a count is written without looking at the rows that it refers to.
    chat_id = models.BigIntegerField()
    user_id = models.BigIntegerField()
    messages = models.PositiveBigIntegerField(default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.messages} per {self.span} from {self.user_id} in {self.chat_id}"


class ActivityCount(ActivityBase):
    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activity")
        constraints = [
            models.UniqueConstraint(
                fields=["span", "starts_at", "chat_id", "user_id"], name="activity_once"
            )
        ]


class ActivityShadow(ActivityBase):
    """Where a replay counts, until its rows take the place of the others."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["span", "starts_at", "chat_id", "user_id"], name="activity_shadow_once"
            )
        ]
