"""Notifies those who manage a chat that a webhook no longer works and somebody must act."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from django.db import transaction

from chat.models import IncomingWebhook, Membership, Notification, Webhook
from chat.models.chats import MANAGING_ROLES
from chat.services.notifications import tell

Kind = Notification.Kind
InChat = tuple[int, int]  # of a chat and a person: whose webhook it is, or who is told


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """A webhook of the chat was switched off automatically: its receiver failed for too long."""

    event_id: UUID
    chat_id: int
    webhook_id: int


@dataclass(frozen=True, slots=True)
class RightLost:
    """Which rights a person may have lost in a chat; None: in all of them."""

    event_id: UUID
    user_id: int
    chat_id: int | None


@transaction.atomic
def notify_of_switched_off(webhooks: Sequence[SwitchedOff]) -> None:
    """New messages are no longer sent there."""
    if not webhooks:
        return
    found = Webhook.objects.select_related("owner").in_bulk(w.webhook_id for w in webhooks)
    managers = _managers_of({w.chat_id for w in webhooks})
    told = _told(webhook.event_id for webhook in webhooks)
    tell(
        Notification(
            user_id=user_id,
            kind=Kind.WEBHOOK,
            chat_id=webhook.chat_id,
            actor=found[webhook.webhook_id].owner,
            event_id=webhook.event_id,
        )
        for webhook in webhooks
        if webhook.webhook_id in found
        for user_id in managers[webhook.chat_id]
        if (webhook.event_id, user_id) not in told
    )


@transaction.atomic
def notify_of_paused(losses: Sequence[RightLost]) -> None:
    """For webhooks that are paused now: each manager once per chat and owner, until it is seen."""
    paused = _paused_of({loss.user_id for loss in losses}) if losses else set()
    # One event may concern several chats, and a person is notified of an event once.
    lost = {
        (chat_id, owner_id): uuid5(loss.event_id, str(chat_id))
        for chat_id, owner_id in sorted(paused)
        for loss in losses
        if loss.user_id == owner_id and loss.chat_id in (None, chat_id)
    }
    if not lost:
        return
    managers = _managers_of({chat_id for chat_id, _owner_id in lost})
    told = _told(lost.values())
    unseen = set(
        Notification.objects.unseen()
        .filter(kind=Kind.PAUSED, chat_id__in=managers)
        .values_list("chat_id", "actor_id", "user_id")
    )
    tell(
        Notification(
            user_id=user_id, kind=Kind.PAUSED, chat_id=chat_id, actor_id=owner_id, event_id=event_id
        )
        for (chat_id, owner_id), event_id in lost.items()
        for user_id in managers[chat_id]
        if (event_id, user_id) not in told and (chat_id, owner_id, user_id) not in unseen
    )


def _paused_of(owner_ids: Collection[int]) -> set[InChat]:
    """Chats and owners with a paused webhook, of either kind."""
    rows = (Webhook.objects.active(), IncomingWebhook.objects.unrevoked())
    return {
        found
        for kind in rows
        for found in kind.paused()
        .filter(owner_id__in=owner_ids, chat__isnull=False)
        .values_list("chat_id", "owner_id")
    }


def _managers_of(chat_ids: Collection[int]) -> dict[int, list[int]]:
    managers: dict[int, list[int]] = defaultdict(list)
    rows = Membership.objects.active().people().filter(chat_id__in=chat_ids)
    for row in rows.filter(role__in=MANAGING_ROLES, user__is_active=True):
        managers[row.chat_id].append(row.user_id)
    return managers


def _told(event_ids: Iterable[UUID]) -> set[tuple[UUID, int]]:
    rows = Notification.objects.filter(event_id__in=list(event_ids))
    return set(rows.values_list("event_id", "user_id"))
