"""Links that let anyone who has them join a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.chats import Chat
from chat.models.rights import OwnedQuerySet

if TYPE_CHECKING:
    from datetime import datetime

TOKEN_LENGTH = 43  # 32 random bytes in URL-safe base64


class InviteQuerySet(OwnedQuerySet["Invite"]):
    owner = "created_by"

    def working(self, now: datetime) -> InviteQuerySet:
        """Only those whose maker still manages the chat: a removed manager leaves no way in."""
        return self.entitled().filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now),
            Q(most_uses__isnull=True) | Q(uses__lt=F("most_uses")),
            revoked_at__isnull=True,
        )


class Invite(models.Model):
    token = models.CharField(max_length=TOKEN_LENGTH, unique=True, editable=False)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="invites")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    # Null: no end.
    expires_at = models.DateTimeField(null=True, blank=True)
    # Null: no limit.
    most_uses = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InviteQuerySet.as_manager()

    class Meta:
        verbose_name = _("invite link")
        verbose_name_plural = _("invite links")

    def __str__(self) -> str:
        return f"invite {self.pk} to {self.chat_id}"
