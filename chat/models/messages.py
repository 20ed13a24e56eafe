"""Messages, their earlier versions, and reactions."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.changes import readable
from chat.models.chats import Chat

if TYPE_CHECKING:
    from chat.models.people import User

EMOJI_LENGTH = 32


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: User) -> MessageQuerySet:
        return self.filter(chat__in=Chat.objects.with_member(user))

    def readable(self) -> MessageQuerySet:
        return self.filter(readable())

    def after_revision(self, revision: int) -> MessageQuerySet:
        """What changed since, oldest change first."""
        return self.filter(revision__gt=revision).order_by("revision")

    def before_seq(self, seq: int) -> MessageQuerySet:
        return self.filter(seq__lt=seq).order_by("-seq")

    def from_seq(self, seq: int) -> MessageQuerySet:
        return self.filter(seq__gte=seq).order_by("seq")

    def for_display(self) -> MessageQuerySet:
        """With everything that `payloads.message_payload` shows."""
        return self.select_related("sender", "reply_to__sender").prefetch_related(
            "reactions", "attachments", "reply_to__attachments"
        )


class Message(models.Model):
    chat = models.ForeignKey(
        Chat, on_delete=models.PROTECT, related_name="messages", db_index=False
    )
    seq = models.PositiveBigIntegerField(editable=False)
    # The chat's revision at this message's latest change.
    revision = models.PositiveBigIntegerField(editable=False)
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="messages"
    )
    client_message_id = models.UUIDField(default=uuid.uuid4)
    content = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    # Hidden by staff: nobody sees the text until it is restored.
    hidden_at = models.DateTimeField(null=True, blank=True)
    hidden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    hidden_reason = models.CharField(max_length=200, blank=True, default="")
    reply_to = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="replies",
        db_index=False,
    )

    objects = MessageQuerySet.as_manager()

    # Who made the change being saved, when not the sender. Not a column.
    changed_by_id: int | None = None

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        permissions = [
            ("hide_message", "Can hide and restore messages"),
            ("read_all_messages", "Can read messages in all chats"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["chat", "seq"], name="message_seq_once"),
            models.UniqueConstraint(fields=["chat", "revision"], name="message_revision_once"),
            # The id comes first: a batch looks its ids up in one query, and with any other order
            # PostgreSQL walked through the chats' messages instead (26 ms of a 50 ms batch).
            models.UniqueConstraint(
                fields=["client_message_id", "sender", "chat"], name="message_sent_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["reply_to"], name="message_replies", condition=Q(reply_to__isnull=False)
            ),
            # What staff looks for: few rows, found without reading all the others.
            models.Index(
                fields=["id"], name="message_hidden", condition=Q(hidden_at__isnull=False)
            ),
            models.Index(
                fields=["id"], name="message_deleted", condition=Q(deleted_at__isnull=False)
            ),
            models.Index(
                fields=["id"], name="message_edited", condition=Q(edited_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"message {self.pk} ({self.chat_id}:{self.seq})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Takes the chat's next places; also for a message saved by hand, in a shell or the admin.

        See Note [Order within a chat].
        """
        with transaction.atomic():
            chat = Chat.objects.locked_in_order().get(pk=self.chat_id)
            chat.revision += 1
            if self._state.adding:
                chat.last_seq += 1
                chat.last_message_at = self.created_at
                self.seq = chat.last_seq
            self.revision = chat.revision
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "revision"}
            super().save(*args, **kwargs)
            chat.save(update_fields=["last_seq", "revision", "last_message_at"])

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at is not None

    @property
    def is_readable(self) -> bool:
        """Whether its text may be shown to members of its chat."""
        return self.deleted_at is None and self.hidden_at is None


class MessageEdit(models.Model):
    """What a message said before an edit."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="edits")
    content = models.TextField()
    edited_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("earlier version")
        verbose_name_plural = _("earlier versions")

    def __str__(self) -> str:
        return f"earlier version of message {self.message_id}"


class Reaction(models.Model):
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="reactions", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reactions"
    )
    emoji = models.CharField(max_length=EMOJI_LENGTH)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("reaction")
        verbose_name_plural = _("reactions")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["message", "user", "emoji"], name="reaction_once"),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} on message {self.message_id}"
