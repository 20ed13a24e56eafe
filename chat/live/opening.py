"""How often one session may open a socket: one that keeps coming back waits at the door.

This comes before any database query; a session whose socket had to be cut off waits longer than
others.
"""

from __future__ import annotations

from typing import Final

from chat.limits.counting import Count, keep_pace, slow_down
from chat.limits.digests import digest_of
from chat.limits.table import SOCKETS_OPENED

# A handshake is not kept waiting for longer: a server ends it after 5 s.
MAX_WAIT_SECONDS: Final = 4.0
# A socket that was cut off counts as this many more.
COUNT_OF_A_CUT: Final = 5


async def may_open(session: str | None) -> bool:
    """Waits for its turn; False when that is too far off."""
    return not session or await keep_pace(_opening(session), max_seconds=MAX_WAIT_SECONDS)


def come_back_later(session: str) -> None:
    """For clients that send what no browser sends, or far too much."""
    slow_down(_opening(session), COUNT_OF_A_CUT)


def _opening(session: str) -> Count:
    return Count(SOCKETS_OPENED, digest_of(session))
