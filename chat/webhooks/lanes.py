"""Reads which deliveries are next. A lane is what keeps its order: one webhook and one chat."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chat.models import Webhook, WebhookDelivery
from chat.models.rights import sql_of_working


class Lane(NamedTuple):
    webhook_id: int
    chat_id: int


class Head(NamedTuple):
    """A lane with something waiting, and when its first delivery may go out."""

    lane: Lane
    due_at: datetime


# From one chat to the next by the index on what waits: as quick with a million rows as with one for
# each chat. The smallest id of a lane is its head.
HEADS = """
WITH RECURSIVE lanes (webhook_id, chat_id) AS (
    SELECT w.id, (
        SELECT min(d.chat_id) FROM chat_webhookdelivery d
        WHERE d.webhook_id = w.id AND d.status = 'waiting'
    ) FROM chat_webhook w WHERE w.id IN ({webhooks})
    UNION ALL
    SELECT l.webhook_id, (
        SELECT min(d.chat_id) FROM chat_webhookdelivery d
        WHERE d.webhook_id = l.webhook_id AND d.status = 'waiting' AND d.chat_id > l.chat_id
    ) FROM lanes l WHERE l.chat_id IS NOT NULL
)
SELECT id, webhook_id, chat_id, next_attempt_at FROM chat_webhookdelivery WHERE id IN (
    SELECT (
        SELECT min(d.id) FROM chat_webhookdelivery d
        WHERE d.webhook_id = l.webhook_id AND d.chat_id = l.chat_id AND d.status = 'waiting'
    ) FROM lanes l WHERE l.chat_id IS NOT NULL
) ORDER BY id
"""


def read_heads() -> list[Head]:
    """Of the webhooks that work, the one that has waited longest first; one query."""
    webhooks, parameters = sql_of_working(Webhook)
    rows = WebhookDelivery.objects.raw(HEADS.format(webhooks=webhooks), parameters)
    return [
        Head(Lane(row.webhook_id, row.chat_id), row.next_attempt_at)
        for row in rows
        if row.chat_id is not None
    ]


def read_head(lane: Lane) -> WebhookDelivery | None:
    return (
        WebhookDelivery.objects.waiting()
        .filter(webhook_id=lane.webhook_id, chat_id=lane.chat_id)
        .order_by("pk")
        .first()
    )
