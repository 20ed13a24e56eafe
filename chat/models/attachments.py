"""Pictures and files: uploaded first, then named by the message that shows them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.changes import readable
from chat.models.chats import Chat
from chat.models.messages import Message

if TYPE_CHECKING:
    from datetime import datetime

    from chat.models.people import User

FILE_NAME_LENGTH = 120


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def unused_since(self, moment: datetime) -> AttachmentQuerySet:
        """Uploaded before `moment`, and never sent."""
        return self.filter(message__isnull=True, created_at__lt=moment)

    def unsent_by(self, person: User) -> AttachmentQuerySet:
        return self.filter(message__isnull=True, uploader=person)

    def bytes_of(self, person: User) -> int:
        """Of all files that this person has uploaded and not deleted."""
        return self.filter(uploader=person).aggregate(sum=Sum("size"))["sum"] or 0

    def visible_to(self, person: User) -> AttachmentQuerySet:
        """In their chats, while the message is neither deleted nor hidden; unsent: one's own."""
        is_shown = Q(message__isnull=False) & readable("message__")
        is_own = Q(message__isnull=True, uploader=person)
        return self.filter(is_shown | is_own, chat__in=Chat.objects.with_member(person))


class Attachment(models.Model):
    class Kind(models.TextChoices):
        IMAGE = "image", _("picture")
        FILE = "file", _("file")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    chat = models.ForeignKey(Chat, on_delete=models.PROTECT, related_name="+", db_index=False)
    uploader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="attachments"
    )
    # Null until it is sent, and forever when it never is.
    message = models.ForeignKey(
        Message, on_delete=models.PROTECT, null=True, blank=True, related_name="attachments"
    )
    place = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(max_length=5, choices=Kind)
    file = models.FileField(upload_to="attachments/%Y/%m", max_length=200)
    # A smaller picture for the list of messages; empty where the file itself is small enough.
    preview = models.FileField(upload_to="previews/%Y/%m", max_length=200, blank=True)
    name = models.CharField(max_length=FILE_NAME_LENGTH)
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField(help_text=_("In bytes."))
    width = models.PositiveIntegerField(null=True, blank=True, help_text=_("In pixels."))
    height = models.PositiveIntegerField(null=True, blank=True, help_text=_("In pixels."))
    created_at = models.DateTimeField(default=timezone.now)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        ordering = ["place"]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="attachment_unused",
                condition=models.Q(message__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"  # the name is for those who may read the chat
