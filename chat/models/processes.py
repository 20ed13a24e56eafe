"""Running web processes, as each last said of itself."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from messaging.models import ProcessState


class WebProcess(ProcessState):
    """`per_minute` counts the messages that it was given to save."""

    sockets = models.PositiveIntegerField()
    people = models.PositiveIntegerField(
        help_text=_("Connected to this process; somebody with two tabs may be so to two.")
    )

    class Meta:
        verbose_name = _("web process")
        verbose_name_plural = _("web processes")
