"""Outgoing webhooks: from events to signed requests at other people's addresses.

A handler queues deliveries (group webchat-webhooks), `sender` sends them, one after the other per
webhook and chat. `outgoing`, `incoming` and `deliveries` write the rows.
"""

from __future__ import annotations

from typing import Final

WEBHOOKS_GROUP: Final = "webchat-webhooks"
