"""The topics. What their records must be is in `schemas/`, one file per topic and version."""

from __future__ import annotations

from typing import Final

MESSAGES_TOPIC: Final = "chat-messages"
STATUS_TOPIC: Final = "message-delivery-status"
AUDIT_TOPIC: Final = "audit-events"
