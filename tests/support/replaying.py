"""Parts for tests of replays: the two handlers that can be replayed, alone, and what they made."""

from __future__ import annotations

from typing import Any

from chat.handlers import HANDLERS
from chat.models import ActivityCount, ActivityShadow, AuditEntry, Message
from messaging.bus.base_adapter import BusAdapter
from messaging.handling.registry import MAIN_GROUP, Registry
from messaging.replay.group_replay import GroupReplay, Replayed
from messaging.replay.lock import replay_lock
from messaging.replay.sources import OutboxSource, ReplaySource, TopicSource


def replayable() -> Registry:
    return Registry(handler for handler in HANDLERS if handler.projection)


def replay(handler: str, adapter: BusAdapter | None, **options: Any) -> Replayed:
    """Everything that the topics, or without an adapter the outbox, have."""
    registry = replayable()
    topics = registry.topics_of(handler, MAIN_GROUP)
    source: ReplaySource = OutboxSource(topics)
    if adapter is not None:
        source = TopicSource(adapter, MAIN_GROUP, topics)
    since = options.pop("since", None)
    projection = options.pop("projection", None) or registry.find_projection(handler, MAIN_GROUP)
    assert projection is not None
    try:
        with replay_lock():
            source.start(since)
            outcome = Replayed(MAIN_GROUP, handler, since)
            return GroupReplay(
                projection(since), source, outcome, actor="tests@here", **options
            ).run()
    finally:
        source.close()


def counts() -> list[tuple[Any, ...]]:
    """Every row of the activity, with its id: a row that was made again shows."""
    fields = ("id", "span", "starts_at", "chat_id", "user_id", "messages")
    return list(ActivityCount.objects.order_by("id").values_list(*fields))


def log() -> list[tuple[Any, ...]]:
    return list(AuditEntry.objects.order_by("place").values_list("place", "event_id", "hash"))


def counted() -> int:
    return sum(ActivityCount.objects.filter(span="day").values_list("messages", flat=True))


def is_counted_right() -> bool:
    return counted() == Message.objects.count() and not ActivityShadow.objects.exists()
