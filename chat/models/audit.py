"""Who did what, and when: append-only, each row sealed with the hash of the one before it."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

HASH_LENGTH = 64  # SHA-256 in hexadecimal


class AppendOnlyError(Exception):
    """Raised when an entry is to be changed or removed; the database refuses it, too."""

    def __init__(self) -> None:
        super().__init__("The audit log is append-only: entries cannot be changed or removed.")


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def about(self, target_type: str, target_id: object) -> AuditEntryQuerySet:
        return self.filter(target_type=target_type, target_id=str(target_id))

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError


class AuditEntry(models.Model):
    """Numbers and names instead of foreign keys: entries outlive the rows that they refer to."""

    # 1, 2, 3 … without holes: what was removed shows as a gap.
    place = models.PositiveBigIntegerField(unique=True)
    event_id = models.UUIDField(unique=True)
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    action = models.CharField(max_length=40)
    actor_id = models.BigIntegerField(null=True, blank=True)
    actor_name = models.CharField(max_length=64, blank=True, default="")
    chat_id = models.BigIntegerField(null=True, blank=True)
    # What the action was done to: "message", "person", "chat", "dead_letter" … and its id.
    target_type = models.CharField(max_length=20, blank=True, default="")
    target_id = models.CharField(max_length=40, blank=True, default="")
    # JSON, exactly as it was sealed. Never the text of a message.
    details = models.TextField(blank=True, default="{}")
    previous_hash = models.CharField(max_length=HASH_LENGTH)
    hash = models.CharField(max_length=HASH_LENGTH)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["action", "place"], name="audit_action"),
            models.Index(fields=["target_type", "target_id"], name="audit_target"),
            models.Index(fields=["chat_id", "place"], name="audit_chat"),
            models.Index(fields=["actor_id", "place"], name="audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.place}: {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError
