"""Webhook deliveries: queued, tried, given up, sent again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from chat.errors import NotFoundError
from chat.events.facts import record_fact
from chat.events.row_ids import row_number
from chat.models import User, Webhook, WebhookDelivery
from chat.webhooks.bodies import make_body
from chat.webhooks.outgoing import (
    announce_deliveries,
    check_not_paused,
    make_postponed_due,
    switch_off,
)
from chat.webhooks.requests import Outcome
from messaging.bus.retry import RetryPolicy
from messaging.contract.events import Event

# 5 s, doubled each time, and up to half as much again, so that chats do not come all at once.
TRIES: Final = RetryPolicy(initial_seconds=5.0)
LONGEST_WAIT_SECONDS: Final = 3600.0
# After this many failures in a row, a receiver that answers again gets everything waiting at once.
OUTAGE_FAILURES: Final = 3
# This often, and for as long as the settings say, before trying stops.
ENOUGH_FAILURES: Final = 10
GONE: Final = 410

Status = WebhookDelivery.Status

SAYS_GONE: Final = gettext_noop("The receiver answered 410 Gone: it wants no more deliveries.")
FAILED_FOR_LONG: Final = gettext_noop(
    "The receiver kept failing for too long. The list of deliveries says how."
)


@dataclass(frozen=True, slots=True)
class Try:
    """A delivery as it was when it was sent, and its result."""

    delivery: WebhookDelivery
    outcome: Outcome


def record_deliveries(events: Sequence[Event]) -> None:
    """Queues each event for the webhooks of its chat and those of all chats. Idempotent."""
    receivers = _receivers({row_number(event.payload["chatId"]) for event in events})
    rows = [
        WebhookDelivery(
            webhook_id=webhook_id,
            event_id=event.event_id,
            event_type=event.event_type,
            chat_id=row_number(event.payload["chatId"]),
            body=make_body(event.event_type, event.produced_at, event.payload),
        )
        for event in events
        for webhook_id in receivers[row_number(event.payload["chatId"])]
    ]
    if rows:
        WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
        announce_deliveries()


def _receivers(chat_ids: Collection[int]) -> dict[int, list[int]]:
    """The working webhooks of each chat; one query where there are none, else two."""
    receiving = Webhook.objects.receiving(chat_ids).order_by("pk")
    rows = list(receiving.values_list("pk", "chat_id"))
    working = Webhook.objects.working_ids([webhook_id for webhook_id, _chat_id in rows])
    found: dict[int, list[int]] = defaultdict(list)
    for webhook_id, chat_id in rows:
        if webhook_id in working:
            for each in chat_ids if chat_id is None else [chat_id]:
                found[each].append(webhook_id)
    return found


@transaction.atomic
def record_tries(tries: Iterable[Try]) -> dict[int, int]:
    """Records the results, and each webhook's failures in a row.

    A webhook that failed for too long, or whose receiver wants no more, is switched off.
    """
    failures: dict[int, int] = {}
    for done in sorted(tries, key=lambda each: (each.delivery.webhook_id, each.delivery.pk)):
        webhook = Webhook.objects.locked().filter(pk=done.delivery.webhook_id).first()
        if webhook is None:
            continue  # deleted meanwhile, with its deliveries
        if done.outcome.error:
            _record_failure(webhook, done.delivery, done.outcome)
        else:
            _record_success(webhook, done.delivery, done.outcome)
        failures[webhook.pk] = webhook.failures
    return failures


def _record_success(webhook: Webhook, delivery: WebhookDelivery, outcome: Outcome) -> None:
    now = timezone.now()
    _keep(delivery, outcome, status=Status.DELIVERED, finished_at=now)
    if webhook.failures >= OUTAGE_FAILURES:
        make_postponed_due(webhook)
    if webhook.failures:
        webhook.failures, webhook.failing_since = 0, None
        webhook.save(update_fields=["failures", "failing_since"])


def _record_failure(webhook: Webhook, delivery: WebhookDelivery, outcome: Outcome) -> None:
    now = timezone.now()
    refused = delivery.refused + (webhook.failures == 0)
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    webhook.save(update_fields=["failures", "failing_since"])
    if refused >= ENOUGH_FAILURES and _is_long_ago(delivery.created_at, now):
        # Only this one is not taken. Tried for ever, its chat's later ones would wait for ever.
        _keep(delivery, outcome, refused=refused, status=Status.GIVEN_UP, finished_at=now)
        _record_action("webhook.gave_up", None, webhook, delivery)
        return
    wait = TRIES.wait_seconds(delivery.attempts + 1, longest_seconds=LONGEST_WAIT_SECONDS)
    later = now + timedelta(seconds=max(wait, outcome.retry_after_seconds))
    _keep(delivery, outcome, refused=refused, next_attempt_at=later)
    if outcome.status == GONE:
        switch_off(webhook, reason=SAYS_GONE)
    elif webhook.failures >= ENOUGH_FAILURES and _is_long_ago(webhook.failing_since, now):
        switch_off(webhook, reason=FAILED_FOR_LONG)


def _is_long_ago(moment: datetime, now: datetime) -> bool:
    return now - moment >= timedelta(hours=settings.WEBHOOK_SWITCH_OFF_HOURS)


def _keep(delivery: WebhookDelivery, outcome: Outcome, **fields: object) -> None:
    """Changes nothing when somebody else has closed it meanwhile."""
    WebhookDelivery.objects.waiting().filter(pk=delivery.pk).update(
        attempts=delivery.attempts + 1,
        response_status=outcome.status,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
        **fields,
    )


@transaction.atomic
def send_again(*, actor: User, webhook: Webhook, delivery_id: int) -> WebhookDelivery:
    """What was sent or given up goes out once more; what waits need not wait for its next try.

    Under its own id: a receiver that has it can tell. Raises NotFoundError, also for a test, and
    ConflictError while the webhook is paused.
    """
    check_not_paused(webhook)
    delivery = _locked_delivery(webhook, delivery_id)
    delivery.status, delivery.finished_at = Status.WAITING, None
    delivery.next_attempt_at = timezone.now()
    delivery.save(update_fields=["status", "finished_at", "next_attempt_at"])
    _record_action("webhook.sent_again", actor, webhook, delivery)
    announce_deliveries()
    return delivery


@transaction.atomic
def give_up(*, actor: User, webhook: Webhook, delivery_id: int) -> WebhookDelivery:
    """One that waits is not sent, and its chat's later ones go on. Raises NotFoundError."""
    delivery = _locked_delivery(webhook, delivery_id)
    if delivery.status == Status.WAITING:
        delivery.status, delivery.finished_at = Status.GIVEN_UP, timezone.now()
        delivery.save(update_fields=["status", "finished_at"])
        _record_action("webhook.gave_up", actor, webhook, delivery)
        announce_deliveries()
    return delivery


def _locked_delivery(webhook: Webhook, delivery_id: int) -> WebhookDelivery:
    rows = webhook.deliveries.select_for_update(no_key=True)
    delivery = rows.filter(pk=delivery_id, chat_id__isnull=False).first()
    if delivery is None:
        raise NotFoundError
    return delivery


def forget_old_deliveries(*, at_most: int) -> int:
    """Shortens the log by what was finished long ago; how many rows."""
    old = timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    rows = WebhookDelivery.objects.filter(finished_at__lt=old).order_by("finished_at")
    deleted, _ = WebhookDelivery.objects.filter(
        pk__in=list(rows.values_list("pk", flat=True)[:at_most])
    ).delete()
    return deleted


def _record_action(
    action: str, actor: User | None, webhook: Webhook, delivery: WebhookDelivery
) -> None:
    record_fact(
        action,
        actor=actor,
        chat_id=delivery.chat_id,
        target=("webhook", webhook.pk),
        details={"name": webhook.name, "event_id": str(delivery.event_id)},
    )
