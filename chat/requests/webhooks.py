"""A chat's webhooks, for those who manage it."""

from __future__ import annotations

from django.urls import reverse

from chat.limits.doors import under
from chat.limits.table import CHANGES, READS, WEBHOOK_TESTS, WEBHOOKS_MADE
from chat.models import IncomingWebhook, User, Webhook
from chat.reads import webhooks as reads
from chat.webhooks import deliveries, incoming, outgoing
from chat.wire.fields import Fields
from chat.wire.payloads import Made, Payload


@under(READS)
def list_webhooks(user: User, fields: Fields) -> Payload:
    chat_id = fields.id("chat_id")
    outgoing.check_may_manage(user, chat_id)
    return {"webhooks": reads.list_webhooks(chat_id)}


@under(WEBHOOKS_MADE)
def create_webhook(user: User, fields: Fields) -> Made:
    webhook = outgoing.create_webhook(
        actor=user,
        chat_id=fields.id("chat_id"),
        name=fields.text("name"),
        url=fields.text("url"),
    )
    return Made(_with_secret(webhook))


@under(CHANGES)
def switch_webhook(user: User, fields: Fields) -> Payload:
    webhook = outgoing.set_webhook_active(
        actor=user, **_ids(fields), active=fields.flag("is_active")
    )
    return {"webhook": reads.read_webhook(webhook.pk)}


@under(CHANGES)
def delete_webhook(user: User, fields: Fields) -> None:
    outgoing.delete_webhook(actor=user, **_ids(fields))


@under(CHANGES)
def rotate_secret(user: User, fields: Fields) -> Payload:
    return _with_secret(outgoing.rotate_secret(actor=user, **_ids(fields)))


@under(CHANGES)
def take_over_webhook(user: User, fields: Fields) -> Payload:
    return _with_secret(outgoing.take_over_webhook(actor=user, **_ids(fields)))


@under(WEBHOOK_TESTS)
def try_webhook(user: User, fields: Fields) -> Payload:
    delivery = outgoing.try_webhook(user, _webhook(user, fields))
    return {"delivery": reads.delivery_payload(delivery)}


@under(READS)
def list_deliveries(user: User, fields: Fields) -> Payload:
    webhook = _webhook(user, fields)
    return reads.deliveries_page(webhook, before=fields.optional_id("before"))


@under(CHANGES)
def send_again(user: User, fields: Fields) -> Payload:
    delivery = deliveries.send_again(
        actor=user, webhook=_webhook(user, fields), delivery_id=fields.id("delivery_id")
    )
    return {"delivery": reads.delivery_payload(delivery)}


@under(READS)
def list_incoming(user: User, fields: Fields) -> Payload:
    chat_id = fields.id("chat_id")
    outgoing.check_may_manage(user, chat_id, incoming.STAFF_PERMISSION)
    return {"webhooks": reads.list_incoming(chat_id)}


@under(WEBHOOKS_MADE)
def create_incoming(user: User, fields: Fields) -> Made:
    webhook, token = incoming.create_incoming_webhook(
        actor=user, chat_id=fields.id("chat_id"), name=fields.text("name")
    )
    return Made(_with_path(webhook, token))


@under(CHANGES)
def take_over_incoming(user: User, fields: Fields) -> Payload:
    webhook, token = incoming.take_over_incoming_webhook(
        actor=user, chat_id=fields.id("chat_id"), webhook_id=fields.id("incoming_id")
    )
    return _with_path(webhook, token)


@under(CHANGES)
def revoke_incoming(user: User, fields: Fields) -> None:
    incoming.revoke_incoming_webhook(
        actor=user, chat_id=fields.id("chat_id"), webhook_id=fields.id("incoming_id")
    )


def _ids(fields: Fields) -> dict[str, int]:
    return {name: fields.id(name) for name in ("chat_id", "webhook_id")}


def _webhook(user: User, fields: Fields) -> Webhook:
    return outgoing.find_webhook(user, fields.id("webhook_id"), fields.id("chat_id"))


def _with_secret(webhook: Webhook) -> Payload:
    return {"webhook": reads.read_webhook(webhook.pk), "secret": webhook.secret}


def _with_path(webhook: IncomingWebhook, token: str) -> Payload:
    return {"webhook": reads.read_incoming(webhook.pk), "path": reverse("hook", args=[token])}
