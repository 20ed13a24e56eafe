"""The keys of all advisory locks in this database (PostgreSQL): whoever needs one takes it here."""

from __future__ import annotations

from typing import Final

_OURS: Final = 0x7765_6263_6861_7400  # "webchat" in ASCII, and room for 256 locks

RELAY: Final = _OURS + 1  # one relay sends; those that share the keys hold it together
AUDIT_CHAIN: Final = _OURS + 2  # one writer at a time lengthens the chain
REPLAY: Final = _OURS + 3  # one replay runs
WEB_RELAY: Final = _OURS + 4  # one web process is among the relays that share

# Plus a shard's number (0 to 15), so one relay sends its keys.
FIRST_RELAY_SHARD: Final = _OURS + 16

# "webh": plus a webhook's id, so one process sends for it.
FIRST_WEBHOOK: Final = 0x7765_6268_0000_0000
