"""How long each part of an HTTP connection may take. Knows no connection and no clock."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Phase(Enum):
    HEAD = auto()  # a request line and its headers are on their way to us
    BODY = auto()  # its body is
    ANSWER = auto()  # it is our turn: no deadline for the client
    SENDING = auto()  # the client does not take what we send as fast as we send it
    IDLE = auto()  # answered; another request may come
    CLOSING = auto()  # we have closed; what waits to be sent may still go
    DONE = auto()  # it is a WebSocket, or gone


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds, and for what is longer the least pace: `grace_seconds`, and a second more for every
    `bytes_per_second` that moved, but never more than `longest_seconds`."""

    head_seconds: float = 15
    idle_seconds: float = 75
    grace_seconds: float = 20
    bytes_per_second: int = 1024
    longest_seconds: float = 1800

    def of(self, phase: Phase, *, moved: int) -> float | None:
        """Seconds from the phase's beginning, when so many bytes have moved in it."""
        match phase:
            case Phase.HEAD:
                return self.head_seconds
            case Phase.IDLE:
                return self.idle_seconds
            case Phase.BODY | Phase.SENDING | Phase.CLOSING:
                return min(self.grace_seconds + moved / self.bytes_per_second, self.longest_seconds)
        return None
