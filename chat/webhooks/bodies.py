"""What a receiver gets: JSON with the type, the time and the data of an event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from chat.wire.payloads import timestamp

TEST_TYPE: Final = "webhook.test"


def make_body(event_type: str, at: datetime, data: Mapping[str, Any]) -> str:
    """Kept and sent as it is here, on every try: the signature covers its bytes."""
    fields = {"type": event_type, "timestamp": timestamp(at), "data": data}
    return orjson.dumps(fields).decode()
