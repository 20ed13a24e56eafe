"""What the product does with its events when they come back from the bus: one table.

Every public function of this package's modules that takes events has a row; `manage.py check` and a
test compare the table with the functions and with the topics' contract.
"""

from __future__ import annotations

from typing import Final

from chat.events.topics import AUDIT_TOPIC, MESSAGES_TOPIC, STATUS_TOPIC
from chat.handlers import activity, audit, heads, notifications, statuses, webhooks
from chat.handlers.projections import ActivityProjection, AuditProjection
from chat.webhooks import WEBHOOKS_GROUP
from messaging.handling.registry import Handler

HANDLERS: Final = (
    Handler(topic=MESSAGES_TOPIC, name="heads", function=heads.tell_heads),
    Handler(
        topic=MESSAGES_TOPIC,
        event_types=frozenset({"message.created"}),
        name="statuses",
        function=statuses.tell_published,
    ),
    Handler(topic=MESSAGES_TOPIC, name="notifications", function=notifications.tell_of_messages),
    Handler(
        topic=MESSAGES_TOPIC,
        name="activity",
        function=activity.count_activity,
        projection=ActivityProjection,
    ),
    # Last of its batch: it takes the lock that everybody needs, and so holds it for its own rows
    # only.
    Handler(
        topic=MESSAGES_TOPIC,
        name="audit",
        function=audit.audit_messages,
        is_last=True,
        projection=AuditProjection,
    ),
    Handler(
        topic=MESSAGES_TOPIC,
        name="webhooks",
        group=WEBHOOKS_GROUP,
        function=webhooks.note_deliveries,
        has_work=webhooks.has_webhooks,
    ),
    Handler(
        topic=AUDIT_TOPIC,
        event_types=notifications.TOLD_FACTS,
        name="notifications",
        function=notifications.tell_of_facts,
    ),
    Handler(
        topic=AUDIT_TOPIC,
        name="audit",
        function=audit.audit_facts,
        is_last=True,
        projection=AuditProjection,
    ),
    Handler(topic=STATUS_TOPIC, name="cursors", function=statuses.follow_statuses),
)
