"""Invitations of one person: somebody who left is invited back, and answers for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.chats import Chat
from chat.models.rights import OwnedQuerySet

if TYPE_CHECKING:
    from datetime import datetime

    from chat.models.people import User


class InvitationQuerySet(OwnedQuerySet["Invitation"]):
    owner = "created_by"

    def of(self, user: User) -> InvitationQuerySet:
        return self.filter(user=user)

    def open(self, now: datetime) -> InvitationQuerySet:
        """Those that can be accepted; like a link, only while their maker manages the chat."""
        return self.entitled().filter(answer=Invitation.Answer.NONE, expires_at__gt=now)


class Invitation(models.Model):
    class Answer(models.TextChoices):
        NONE = "", _("none yet")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")

    chat = models.ForeignKey(
        Chat, on_delete=models.CASCADE, related_name="invitations", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    answer = models.CharField(max_length=8, choices=Answer, blank=True, default=Answer.NONE)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            # The newest one: it takes an earlier one's place.
            models.UniqueConstraint(fields=["chat", "user"], name="invitation_once"),
        ]

    def __str__(self) -> str:
        return f"invitation of {self.user_id} to {self.chat_id}"
