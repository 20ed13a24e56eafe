"""A chat's webhooks and what was sent to them, as those who manage it see them."""

from __future__ import annotations

from typing import Final

from chat.models import IncomingWebhook, Webhook, WebhookDelivery
from chat.models.rights import Owned
from chat.wire.payloads import Payload, sender_payload, timestamp

PAGE_DELIVERIES: Final = 50
MAX_COUNTED: Final = 1000


def list_webhooks(chat_id: int) -> list[Payload]:
    rows = Webhook.objects.filter(chat_id=chat_id).with_standing().order_by("pk")
    return [_webhook_payload(row) for row in rows.select_related("created_by")]


def read_webhook(webhook_id: int) -> Payload:
    return _webhook_payload(Webhook.objects.with_standing().get(pk=webhook_id))


def list_incoming(chat_id: int) -> list[Payload]:
    rows = IncomingWebhook.objects.unrevoked().filter(chat_id=chat_id).with_standing()
    found = rows.select_related("bot", "created_by").order_by("pk")
    return [_incoming_payload(row) for row in found]


def read_incoming(webhook_id: int) -> Payload:
    return _incoming_payload(IncomingWebhook.objects.with_standing().get(pk=webhook_id))


def deliveries_page(webhook: Webhook, *, before: int | None) -> Payload:
    """The newest first; `before`: the id of the last one that is known."""
    rows = webhook.deliveries.order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.defer("body")[: PAGE_DELIVERIES + 1])
    return {
        "deliveries": [delivery_payload(row) for row in found[:PAGE_DELIVERIES]],
        "more": len(found) > PAGE_DELIVERIES,
    }


def delivery_payload(delivery: WebhookDelivery) -> Payload:
    is_waiting = delivery.status == WebhookDelivery.Status.WAITING
    return {
        "id": delivery.pk,
        "event_id": str(delivery.event_id),
        "type": delivery.event_type,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "response_status": delivery.response_status,
        "error": delivery.what_failed,
        "milliseconds": delivery.milliseconds,
        "created_at": timestamp(delivery.created_at),
        "finished_at": timestamp(delivery.finished_at),
        "next_attempt_at": timestamp(delivery.next_attempt_at) if is_waiting else None,
    }


def _webhook_payload(webhook: Webhook) -> Payload:
    """Of a row of `with_standing()`."""
    return {
        "id": webhook.pk,
        "name": webhook.name,
        "url": webhook.url,
        "created_by": sender_payload(webhook.created_by),
        "created_at": timestamp(webhook.created_at),
        "owner": sender_payload(webhook.owner),
        "paused": _paused_payload(webhook),
        "is_active": webhook.is_active,
        "failing_since": timestamp(webhook.failing_since),
        "switched_off_at": timestamp(webhook.switched_off_at),
        "switched_off_reason": webhook.why_off,
        "waiting": webhook.deliveries.waiting()[:MAX_COUNTED].count(),
    }


def _incoming_payload(webhook: IncomingWebhook) -> Payload:
    """Of a row of `with_standing()`."""
    return {
        "id": webhook.pk,
        "name": webhook.name,
        "bot": sender_payload(webhook.bot),
        "created_by": sender_payload(webhook.created_by),
        "created_at": timestamp(webhook.created_at),
        "owner": sender_payload(webhook.owner),
        "paused": _paused_payload(webhook),
        "last_used_at": timestamp(webhook.last_used_at),
    }


def _paused_payload(row: Owned) -> Payload | None:
    """Why it does not work: a word for programs, and a sentence."""
    because = row.paused_because
    return {"code": because, "detail": row.why_paused} if because else None
