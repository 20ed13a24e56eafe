"""Outgoing webhooks: made, tested, switched, given a new secret, taken over, deleted.

A chat's own by those who manage it, any by staff who may. One whose owner may no longer make it is
paused (chat.models.rights) until somebody who may takes it over.
"""

from __future__ import annotations

from functools import partial
from uuid import uuid4

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _

from chat.content.text import check_title
from chat.errors import BadRequestError, ConflictError, ForbiddenError, NotFoundError
from chat.events.facts import record_fact
from chat.limits.kept import check_room
from chat.limits.table import WEBHOOKS_OF_CHAT
from chat.models import Chat, User, Webhook, WebhookDelivery
from chat.models.webhooks import WebhookQuerySet
from chat.services.access import locked_for, managing_membership_of
from chat.webhooks.addresses import AddressRefusedError, parse_target, resolve
from chat.webhooks.bodies import TEST_TYPE, make_body
from chat.webhooks.requests import post
from chat.webhooks.signing import make_secret, signed_headers

# The right of staff to look after the webhooks of chats that they are not in.
STAFF_PERMISSION = "chat.change_webhook"

# Sent on commit when deliveries may go out.
deliveries_announced = Signal()


def check_may_manage(actor: User, chat_id: int | None, permission: str = STAFF_PERMISSION) -> None:
    """Raises NotFoundError or ForbiddenError."""
    if actor.is_staff and actor.has_perm(permission):
        return
    if chat_id is None:
        raise ForbiddenError
    managing_membership_of(actor, chat_id)


def _check_may_make(actor: User, chat_id: int | None) -> None:
    """Its maker can read at its address what is written, so staff also need that right.

    Raises NotFoundError or ForbiddenError."""
    if actor.is_staff and actor.has_perms(WebhookQuerySet.permissions):
        return
    if chat_id is None:
        raise ForbiddenError(_("Only staff with the right to read all messages may do this."))
    managing_membership_of(actor, chat_id)


def create_webhook(*, actor: User, chat_id: int | None, name: str, url: str) -> Webhook:
    """With its secret, which nobody is shown a second time. `chat_id` None: for all chats."""
    _check_may_make(actor, chat_id)
    name, url = check_title(name), check_url(url)
    with transaction.atomic():
        if chat_id is not None:
            _check_room(locked_for(actor, chat_id, _check_may_make)[0])
        webhook = Webhook.objects.create(
            name=name,
            url=url,
            chat_id=chat_id,
            created_by=actor,
            owner=actor,
            secret=make_secret(),
        )
        _record("webhook.created", actor, webhook)
    return webhook


def check_url(url: str) -> str:
    """The address, unchanged. Resolves its name. Raises BadRequestError."""
    try:
        resolve(parse_target(url))
    except AddressRefusedError as refusal:
        raise BadRequestError(_(str(refusal))) from None
    return url


@transaction.atomic
def delete_webhook(*, actor: User, webhook_id: int, chat_id: int | None) -> None:
    """With its deliveries, also those that wait."""
    webhook = find_webhook(actor, webhook_id, chat_id, locked=True)
    _record("webhook.deleted", actor, webhook)
    webhook.delete()


@transaction.atomic
def set_webhook_active(
    *, actor: User, webhook_id: int, chat_id: int | None, active: bool
) -> Webhook:
    """While it is off nothing is queued for it; waiting deliveries go out when it is on again.

    Raises ConflictError where one that is paused is to be switched on.
    """
    webhook = find_webhook(actor, webhook_id, chat_id, locked=True)
    if active:
        check_not_paused(webhook)
    if active and not webhook.is_active:
        _switch_on(webhook, actor)
    elif webhook.is_active and not active:
        switch_off(webhook, actor=actor)
    return webhook


@transaction.atomic
def rotate_secret(*, actor: User, webhook_id: int, chat_id: int | None) -> Webhook:
    """From now on everything is signed with the new one, also what waits."""
    webhook = find_webhook(actor, webhook_id, chat_id, locked=True)
    webhook.secret = make_secret()
    webhook.save(update_fields=["secret"])
    _record("webhook.rotated", actor, webhook)
    return webhook


@transaction.atomic
def take_over_webhook(*, actor: User, webhook_id: int, chat_id: int | None) -> Webhook:
    """Makes the actor its owner: waiting deliveries go out, signed with a new secret.

    The former owner knows the old one. Raises NotFoundError or ForbiddenError.
    """
    _check_may_make(actor, chat_id)
    webhook = find_webhook(actor, webhook_id, chat_id, locked=True)
    before, webhook.owner, webhook.secret = webhook.owner_id, actor, make_secret()
    webhook.save(update_fields=["owner", "secret"])
    _record("webhook.taken_over", actor, webhook, before=str(before))
    announce_deliveries()
    return webhook


def check_not_paused(webhook: Webhook) -> None:
    """Raises ConflictError that says why it is, and what to do."""
    why = Webhook.objects.with_standing().get(pk=webhook.pk).why_paused
    if why:
        raise ConflictError(_("It is paused. %(why)s Take it over first.") % {"why": why})


def try_webhook(actor: User, webhook: Webhook) -> WebhookDelivery:
    """Sends a test at once, past what waits; takes as long as the receiver, at most 10 s.

    Raises ConflictError while it is paused.
    """
    check_not_paused(webhook)
    now, event_id = timezone.now(), uuid4()
    body = make_body(TEST_TYPE, now, {"webhook": webhook.name})
    headers = signed_headers(
        secret=webhook.secret, event_id=event_id, at=int(now.timestamp()), body=body.encode()
    )
    outcome = post(webhook.url, headers, body.encode())
    status = WebhookDelivery.Status
    with transaction.atomic():
        _record("webhook.tested", actor, webhook, answer=str(outcome.status or outcome.error))
        return WebhookDelivery.objects.create(
            webhook=webhook,
            event_id=event_id,
            event_type=TEST_TYPE,
            body=body,
            status=status.GIVEN_UP if outcome.error else status.DELIVERED,
            attempts=1,
            response_status=outcome.status,
            error=outcome.error,
            milliseconds=outcome.milliseconds,
            created_at=now,
            finished_at=timezone.now(),
        )


def switch_off(webhook: Webhook, *, reason: str = "", actor: User | None = None) -> None:
    """In the caller's transaction. `reason`: a msgid; empty where a person did it."""
    webhook.is_active = False
    webhook.switched_off_at, webhook.switched_off_reason = timezone.now(), reason
    webhook.save(update_fields=["is_active", "switched_off_at", "switched_off_reason"])
    _record("webhook.switched_off", actor, webhook, reason=reason)


def _switch_on(webhook: Webhook, actor: User) -> None:
    webhook.is_active, webhook.switched_off_at, webhook.switched_off_reason = True, None, ""
    webhook.failures, webhook.failing_since = 0, None
    webhook.save()
    make_postponed_due(webhook)
    _record("webhook.switched_on", actor, webhook)
    announce_deliveries()


def make_postponed_due(webhook: Webhook) -> None:
    """Only those that were tried are postponed: few, however many wait behind them."""
    now = timezone.now()
    webhook.deliveries.waiting().filter(next_attempt_at__gt=now).update(next_attempt_at=now)


def announce_deliveries() -> None:
    """On commit: a sender in this process need not wait for its next look."""
    transaction.on_commit(partial(deliveries_announced.send, sender=Webhook), robust=True)


def find_webhook(
    actor: User, webhook_id: int, chat_id: int | None, *, locked: bool = False
) -> Webhook:
    """One that the actor may manage. Raises NotFoundError or ForbiddenError."""
    check_may_manage(actor, chat_id)
    rows = Webhook.objects.locked() if locked else Webhook.objects.all()
    # The chat's own: another's is not locked for those who may not touch it.
    webhook = rows.filter(pk=webhook_id, chat=chat_id).first()
    if webhook is None:
        raise NotFoundError
    if locked:
        check_may_manage(actor, chat_id)
    return webhook


def _check_room(chat: Chat) -> None:
    check_room(WEBHOOKS_OF_CHAT, Webhook.objects.filter(chat=chat).count())


def _record(action: str, actor: User | None, webhook: Webhook, **details: str) -> None:
    record_fact(
        action,
        actor=actor,
        chat_id=webhook.chat_id,
        target=("webhook", webhook.pk),
        details={"name": webhook.name, **details},
    )
