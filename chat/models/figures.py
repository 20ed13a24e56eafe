"""How things stood, minute by minute: what the staff's charts are drawn of."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class MinuteFigures(models.Model):
    """At the end of a minute; `messages` were posted in it. Kept for KEPT_DAYS["figures"]."""

    at = models.DateTimeField(primary_key=True)
    messages = models.PositiveIntegerField()
    people = models.PositiveIntegerField()
    outbox_waiting = models.PositiveBigIntegerField()
    outbox_oldest_seconds = models.FloatField()
    lag_seconds = models.FloatField(null=True, help_text=_("Of the group furthest behind."))
    dead_letters = models.PositiveBigIntegerField()

    class Meta:
        verbose_name = _("figures of a minute")
        verbose_name_plural = _("figures by the minute")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
