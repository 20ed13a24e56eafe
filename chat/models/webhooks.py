"""Outgoing webhooks with their deliveries, and incoming ones that post as a bot."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat.models.chats import Chat
from chat.models.rights import OftenAskedQuerySet, Owned

URL_LENGTH = 500
SECRET_LENGTH = 64


def in_words(sentence: str) -> str:
    """A sentence that is stored in English (a msgid), in the reader's language."""
    return gettext(sentence) if sentence else ""


class WebhookQuerySet(OftenAskedQuerySet["Webhook"]):
    # Its owner can read at its address what is written, so staff also need that right.
    permissions = ("chat.change_webhook", "chat.read_all_messages")

    def working(self) -> Self:
        """Switched on and not paused: only these get deliveries."""
        return self.active().entitled()

    def active(self) -> Self:
        return self.filter(is_active=True)

    def failed(self) -> WebhookQuerySet:
        """Switched off because of their receivers, not by a person."""
        return self.filter(is_active=False).exclude(switched_off_reason="")

    def receiving(self, chat_ids: Collection[int]) -> WebhookQuerySet:
        """The chats' own and those of all chats. Paused ones, too: see `working_ids`."""
        return self.active().filter(Q(chat_id__in=chat_ids) | Q(chat__isnull=True))

    def locked(self) -> WebhookQuerySet:
        """With the rows' locks; rows that refer to them can still be inserted meanwhile."""
        return self.order_by("pk").select_for_update(no_key=True)


class Webhook(Owned):
    """An address that gets the messages of a chat, or of all chats, signed with `secret`."""

    name = models.CharField(max_length=80)
    # Null: all chats; only staff make such a one.
    chat = models.ForeignKey(
        Chat, on_delete=models.CASCADE, null=True, blank=True, related_name="webhooks"
    )
    url = models.CharField(max_length=URL_LENGTH)
    secret = models.CharField(max_length=SECRET_LENGTH, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    # Its owner, at first its maker: it is paused while they may not create such a webhook.
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    is_active = models.BooleanField(default=True)
    # Failed tries since the last one that went well, and when they began.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    switched_off_at = models.DateTimeField(null=True, blank=True)
    switched_off_reason = models.CharField(max_length=300, blank=True, default="")

    objects = WebhookQuerySet.as_manager()

    class Meta:
        verbose_name = _("outgoing webhook")
        verbose_name_plural = _("outgoing webhooks")

    def __str__(self) -> str:
        return self.name

    @property
    def why_off(self) -> str:
        """In the reader's language; empty where a person switched it off."""
        return in_words(self.switched_off_reason)


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def waiting(self) -> WebhookDeliveryQuerySet:
        return self.filter(status=WebhookDelivery.Status.WAITING)


class WebhookDelivery(models.Model):
    """One event for one webhook; of one webhook and chat they go out in id order."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        GIVEN_UP = "given_up", _("given up")

    webhook = models.ForeignKey(
        Webhook, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    event_id = models.UUIDField()
    event_type = models.CharField(max_length=100)
    # Null: a test.
    chat_id = models.BigIntegerField(null=True, blank=True)
    body = models.TextField(help_text=_("JSON, exactly as it is sent."))
    status = models.CharField(max_length=9, choices=Status, default=Status.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    # Of these, how many failed although the receiver had just taken another one.
    refused = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    response_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, default="")
    milliseconds = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event_id"], name="webhook_event_once"),
        ]
        indexes = [
            models.Index(
                fields=["webhook", "chat_id", "id"],
                name="webhook_waiting",
                condition=Q(status="waiting"),
            ),
            # The log, newest first; and what of it is old.
            models.Index(fields=["webhook", "-id"], name="webhook_log"),
            models.Index(
                fields=["finished_at"],
                name="webhook_finished",
                condition=Q(finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} to webhook {self.webhook_id}"

    @property
    def what_failed(self) -> str:
        """In the reader's language."""
        return in_words(self.error)


class IncomingWebhookQuerySet(OftenAskedQuerySet["IncomingWebhook"]):
    permissions = ("chat.change_incomingwebhook",)

    def unrevoked(self) -> Self:
        return self.filter(revoked_at__isnull=True)

    def working(self) -> Self:
        """Not revoked, and not paused: only these are answered."""
        return self.unrevoked().entitled()


class IncomingWebhook(Owned):
    """A token that posts to one chat as a bot. Only the token's hash is kept."""

    name = models.CharField(max_length=80)
    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="incoming_webhooks")
    bot = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="incoming_webhooks"
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # Message ids are made of it and of the sender's: the same ones also after a new token.
    namespace = models.UUIDField(default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = IncomingWebhookQuerySet.as_manager()

    class Meta:
        verbose_name = _("incoming webhook")
        verbose_name_plural = _("incoming webhooks")

    def __str__(self) -> str:
        return self.name
