"""An event on its way from the bus to the handlers; in the outbox it is still a `NewEvent`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from messaging.contract.records import RecordPosition

EVENT_ID = "event-id"
EVENT_TYPE = "event-type"
SCHEMA_VERSION = "schema-version"
PRODUCED_AT = "produced-at"
TRACEPARENT = "traceparent"


@dataclass(frozen=True, slots=True)
class Event:
    """A fact, checked: `payload` holds what the topic's schema of this version asks for."""

    event_id: UUID
    event_type: str
    topic: str
    key: str
    schema_version: int
    payload: Mapping[str, Any]
    produced_at: datetime
    position: RecordPosition | None = None
    traceparent: str | None = None

    @property
    def happened_at(self) -> datetime:
        """As the event itself tells; `produced_at` is when it was recorded. Raises ValueError."""
        return datetime.fromisoformat(self.payload["timestamp"].upper()).astimezone(UTC)
