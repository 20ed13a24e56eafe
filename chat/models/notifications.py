"""What a person was notified of while looking elsewhere; kept until it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.changes import readable
from chat.models.chats import Chat
from chat.models.invitations import Invitation
from chat.models.messages import Message

if TYPE_CHECKING:
    from chat.models.people import User


# The membership of the person who is told, in the same chat.
_OWN_MEMBERSHIP = {"chat__memberships__user": F("user")}
_STILL_IN = Q(chat__memberships__left_at__isnull=True)
_READ_SEQ = F("chat__memberships__read_seq")


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unseen(self) -> NotificationQuerySet:
        return self.filter(seen_at__isnull=True)

    def of(self, user: User) -> NotificationQuerySet:
        return self.filter(user=user)

    def readable(self) -> NotificationQuerySet:
        """Of chats that the person is in now, about what was neither deleted nor hidden; and open
        invitations: a person who has one was in the chat before."""
        return self._readable(_in_or_invited())

    def pending(self) -> NotificationQuerySet:
        """Those of them that wait to be seen: a message that was read is not waiting."""
        unread = Q(message__isnull=True) | Q(message__seq__gt=_READ_SEQ)
        return self._readable(_in_or_invited(), unread, seen_at__isnull=True)

    def unread(self) -> NotificationQuerySet:
        """Unseen ones whose message waits to be read, in a chat that the person is in now."""
        return self._readable(_STILL_IN, message__seq__gt=_READ_SEQ, seen_at__isnull=True)

    def read_meanwhile(self) -> NotificationQuerySet:
        """Unseen ones whose message the person has read in its chat."""
        return self._readable(_STILL_IN, message__seq__lte=_READ_SEQ, seen_at__isnull=True)

    def _readable(self, *conditions: Q, **fields: Any) -> NotificationQuerySet:
        # In one call, so that all of it is asked of the same membership.
        return self.filter(*conditions, readable("message__"), **_OWN_MEMBERSHIP, **fields)


def _in_or_invited() -> Q:
    return _STILL_IN | Q(invitation__in=Invitation.objects.open(timezone.now()))


class Notification(models.Model):
    class Kind(models.TextChoices):
        MENTION = "mention", _("mention")
        REPLY = "reply", _("reply")
        DIRECT = "direct", _("direct message")
        INVITE = "invite", _("invitation")
        WEBHOOK = "webhook", _("webhook switched off")
        PAUSED = "paused", _("webhook paused")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    kind = models.CharField(max_length=8, choices=Kind)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Null where somebody was added or invited, and for a webhook.
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    # What the person may accept; null for a person who was added.
    invitation = models.ForeignKey(
        Invitation,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="notifications",
        db_index=False,
    )
    # Who did it; for a webhook, its owner.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    # The event that it comes from: one event never notifies a person twice.
    event_id = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [
            models.UniqueConstraint(fields=["event_id", "user"], name="notification_once"),
        ]
        indexes = [
            models.Index(
                fields=["user", "chat"], name="notification_unseen", condition=Q(seen_at=None)
            ),
            models.Index(
                fields=["invitation"],
                name="notification_invitation",
                condition=Q(invitation__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id} in {self.chat_id}"
