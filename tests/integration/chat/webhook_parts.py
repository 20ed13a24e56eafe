"""Parts for tests of webhooks: rows, events, and a sender that runs in this process."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone

from chat.models import Chat, User, Webhook, WebhookDelivery
from chat.webhooks import outgoing as webhooks
from chat.webhooks.deliveries import record_deliveries
from chat.webhooks.sender import Sender
from messaging.contract.events import Event
from tests.support.bus_parts import TOPIC, message_payload
from tests.support.processes import DEADLINE, wait_until


def make_webhook(actor: User, chat: Chat | None, url: str, name: str = "A hook") -> Webhook:
    return webhooks.create_webhook(
        actor=actor, chat_id=chat.pk if chat else None, name=name, url=url
    )


def event(chat: Chat | int, seq: int, **fields: Any) -> Event:
    """As the bus gives it to handlers."""
    chat_id = chat if isinstance(chat, int) else chat.pk
    return Event(
        event_id=uuid.uuid4(),
        event_type="message.created",
        topic=TOPIC,
        key=str(chat_id),
        schema_version=1,
        payload=message_payload(chat_id, seq, **fields),
        produced_at=timezone.now(),
    )


def note(chats: Iterable[Chat | int], *, first: int = 1, last: int) -> None:
    """Messages first to last of each chat, one of every chat at a time."""
    record_deliveries(
        [event(c, seq) for seq, c in itertools.product(range(first, last + 1), chats)]
    )


def statuses(webhook: Webhook) -> list[str]:
    return list(webhook.deliveries.order_by("pk").values_list("status", flat=True))


def make_all_due(webhook: Webhook) -> None:
    """As if the waits between tries were over."""
    WebhookDelivery.objects.waiting().filter(webhook=webhook).update(next_attempt_at=timezone.now())


def until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    wait_until(lambda: bool(condition()), seconds=seconds)


@contextmanager
def sending(**options: Any) -> Iterator[Sender]:
    sender = Sender(look_seconds=0.05, **options)
    sender.start()
    try:
        yield sender
    finally:
        assert sender.stop(DEADLINE)
