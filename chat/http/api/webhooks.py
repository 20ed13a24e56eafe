"""The HTTP routes of a chat's webhooks, for those who manage the chat."""

from __future__ import annotations

from django.urls import path, reverse

from chat.http.json import route
from chat.limits.doors import under
from chat.limits.table import CHANGES, READS, WEBHOOK_TESTS, WEBHOOKS_MADE
from chat.models import IncomingWebhook, User, Webhook, WebhookDelivery
from chat.models.rights import Owned
from chat.services.access import known_id
from chat.webhooks import deliveries as webhook_deliveries
from chat.webhooks import incoming as incoming_webhooks
from chat.webhooks import outgoing as webhooks
from chat.wire.payloads import Payload, sender_payload, timestamp
from chat.wire.protocol import Frame

PAGE_DELIVERIES = 50
MAX_COUNTED = 1000


@under(READS)
def list_webhooks(user: User, fields: Frame, chat_id: int) -> Payload:
    webhooks.check_may_manage(user, known_id(chat_id))
    rows = Webhook.objects.filter(chat_id=chat_id).with_standing().order_by("pk")
    return {"webhooks": [webhook_payload(row) for row in rows.select_related("created_by")]}


@under(WEBHOOKS_MADE)
def create_webhook(user: User, fields: Frame, chat_id: int) -> tuple[int, Payload]:
    webhook = webhooks.create_webhook(
        actor=user, chat_id=known_id(chat_id), name=fields.text("name"), url=fields.text("url")
    )
    return 201, _with_secret(webhook)


@under(CHANGES)
def switch_webhook(user: User, fields: Frame, chat_id: int, webhook_id: int) -> Payload:
    webhook = webhooks.set_webhook_active(
        actor=user,
        chat_id=known_id(chat_id),
        webhook_id=known_id(webhook_id),
        active=fields.flag("is_active"),
    )
    return {"webhook": _payload_of(webhook)}


@under(CHANGES)
def delete_webhook(user: User, fields: Frame, chat_id: int, webhook_id: int) -> None:
    webhooks.delete_webhook(actor=user, chat_id=known_id(chat_id), webhook_id=known_id(webhook_id))


@under(CHANGES)
def rotate_secret(user: User, fields: Frame, chat_id: int, webhook_id: int) -> Payload:
    webhook = webhooks.rotate_secret(
        actor=user, chat_id=known_id(chat_id), webhook_id=known_id(webhook_id)
    )
    return _with_secret(webhook)


@under(CHANGES)
def take_over(user: User, fields: Frame, chat_id: int, webhook_id: int) -> Payload:
    webhook = webhooks.take_over_webhook(
        actor=user, chat_id=known_id(chat_id), webhook_id=known_id(webhook_id)
    )
    return _with_secret(webhook)


@under(WEBHOOK_TESTS)
def try_webhook(user: User, fields: Frame, chat_id: int, webhook_id: int) -> Payload:
    webhook = webhooks.find_webhook(user, known_id(webhook_id), known_id(chat_id))
    return {"delivery": delivery_payload(webhooks.try_webhook(user, webhook))}


@under(READS)
def list_deliveries(user: User, fields: Frame, chat_id: int, webhook_id: int) -> Payload:
    """The newest first; `before`: the id of the last one that is known."""
    webhook = webhooks.find_webhook(user, known_id(webhook_id), known_id(chat_id))
    rows = webhook.deliveries.order_by("-pk")
    before = fields.optional_id("before")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.defer("body")[: PAGE_DELIVERIES + 1])
    return {
        "deliveries": [delivery_payload(row) for row in found[:PAGE_DELIVERIES]],
        "more": len(found) > PAGE_DELIVERIES,
    }


@under(CHANGES)
def send_again(
    user: User, fields: Frame, chat_id: int, webhook_id: int, delivery_id: int
) -> Payload:
    webhook = webhooks.find_webhook(user, known_id(webhook_id), known_id(chat_id))
    delivery = webhook_deliveries.send_again(
        actor=user, webhook=webhook, delivery_id=known_id(delivery_id)
    )
    return {"delivery": delivery_payload(delivery)}


@under(READS)
def list_incoming(user: User, fields: Frame, chat_id: int) -> Payload:
    webhooks.check_may_manage(user, known_id(chat_id), incoming_webhooks.STAFF_PERMISSION)
    rows = IncomingWebhook.objects.unrevoked().filter(chat_id=chat_id).with_standing()
    found = rows.select_related("bot", "created_by").order_by("pk")
    return {"webhooks": [incoming_payload(row) for row in found]}


@under(WEBHOOKS_MADE)
def create_incoming(user: User, fields: Frame, chat_id: int) -> tuple[int, Payload]:
    webhook, token = incoming_webhooks.create_incoming_webhook(
        actor=user, chat_id=known_id(chat_id), name=fields.text("name")
    )
    return 201, _with_path(webhook, token)


@under(CHANGES)
def take_over_incoming(user: User, fields: Frame, chat_id: int, incoming_id: int) -> Payload:
    webhook, token = incoming_webhooks.take_over_incoming_webhook(
        actor=user, chat_id=known_id(chat_id), webhook_id=known_id(incoming_id)
    )
    return _with_path(webhook, token)


@under(CHANGES)
def revoke_incoming(user: User, fields: Frame, chat_id: int, incoming_id: int) -> None:
    incoming_webhooks.revoke_incoming_webhook(
        actor=user, chat_id=known_id(chat_id), webhook_id=known_id(incoming_id)
    )


def _with_secret(webhook: Webhook) -> Payload:
    return {"webhook": _payload_of(webhook), "secret": webhook.secret}


def _with_path(webhook: IncomingWebhook, token: str) -> Payload:
    row = IncomingWebhook.objects.with_standing().get(pk=webhook.pk)
    return {"webhook": incoming_payload(row), "path": reverse("hook", args=[token])}


def _payload_of(webhook: Webhook) -> Payload:
    return webhook_payload(Webhook.objects.with_standing().get(pk=webhook.pk))


def webhook_payload(webhook: Webhook) -> Payload:
    """Of a row of `with_standing()`."""
    return {
        "id": webhook.pk,
        "name": webhook.name,
        "url": webhook.url,
        "created_by": sender_payload(webhook.created_by),
        "created_at": timestamp(webhook.created_at),
        "owner": sender_payload(webhook.owner),
        "paused": paused_payload(webhook),
        "is_active": webhook.is_active,
        "failing_since": timestamp(webhook.failing_since),
        "switched_off_at": timestamp(webhook.switched_off_at),
        "switched_off_reason": webhook.why_off,
        "waiting": webhook.deliveries.waiting()[:MAX_COUNTED].count(),
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


def incoming_payload(webhook: IncomingWebhook) -> Payload:
    """Of a row of `with_standing()`."""
    return {
        "id": webhook.pk,
        "name": webhook.name,
        "bot": sender_payload(webhook.bot),
        "created_by": sender_payload(webhook.created_by),
        "created_at": timestamp(webhook.created_at),
        "owner": sender_payload(webhook.owner),
        "paused": paused_payload(webhook),
        "last_used_at": timestamp(webhook.last_used_at),
    }


def paused_payload(row: Owned) -> Payload | None:
    """Why it does not work: a word for programs, and a sentence."""
    because = row.paused_because
    return {"code": because, "detail": row.why_paused} if because else None


_INCOMING = "chats/<int:chat_id>/webhooks/incoming/<int:incoming_id>"
_ONE = "chats/<int:chat_id>/webhooks/<int:webhook_id>"

urlpatterns = [
    path("chats/<int:chat_id>/webhooks", route(get=list_webhooks, post=create_webhook)),
    path("chats/<int:chat_id>/webhooks/incoming", route(get=list_incoming, post=create_incoming)),
    path(_INCOMING, route(delete=revoke_incoming)),
    path(f"{_INCOMING}/take-over", route(post=take_over_incoming)),
    path(_ONE, route(patch=switch_webhook, delete=delete_webhook)),
    path(f"{_ONE}/secret", route(post=rotate_secret)),
    path(f"{_ONE}/take-over", route(post=take_over)),
    path(f"{_ONE}/test", route(post=try_webhook)),
    path(f"{_ONE}/deliveries", route(get=list_deliveries)),
    path(f"{_ONE}/deliveries/<int:delivery_id>/again", route(post=send_again)),
]
