"""Mends an HTTP connection of Twisted's, which waits for ever for who sends a byte each minute.

Every phase of a connection (webchat.daphne.deadlines) has its time; whoever exceeds it is closed.
A connection that became a WebSocket is let go: from there on the hub looks after it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.web.http import HTTPChannel

from webchat.daphne.answers import refusal
from webchat.daphne.deadlines import Deadlines, Phase

OVER = (Phase.CLOSING, Phase.DONE)
# Closed for other reasons than that time was up without anybody's fault (a page that was left).
SLOW = (Phase.HEAD, Phase.BODY, Phase.SENDING, Phase.CLOSING)


class HttpChannel(HTTPChannel):
    deadlines: ClassVar[Deadlines] = Deadlines()
    transport: Any

    # Given by the factory: what to do with a transport that is ours now, and with one given up.
    when_made: Callable[[Any], None] = staticmethod(lambda transport: None)
    when_closed: Callable[[str], None] = staticmethod(lambda why: None)
    phase = Phase.DONE
    _is_full = False  # the client takes nothing at the moment: that counts, whatever the phase
    _since = 0.0
    _moved = 0  # bytes since then
    _timer: Any = None
    _waiting: Callable[[], None] | None = None

    # What happens to a connection

    def connectionMade(self) -> None:  # noqa: N802  (Twisted names them)
        super().connectionMade()
        self.when_made(self.transport)
        self._count_sent()
        self._enter(Phase.HEAD)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self.phase is Phase.IDLE:
            self._enter(Phase.HEAD)
        if self._state in (Phase.HEAD, Phase.BODY):
            self._moved += len(data)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:  # noqa: N802
        # First: a body that says that it is too large is refused in there, and closed.
        self._enter(Phase.BODY)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:  # noqa: N802
        self._enter(Phase.ANSWER)
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:  # noqa: N802
        self._enter(Phase.IDLE)
        super().requestDone(request)

    def pauseProducing(self) -> None:  # noqa: N802
        self._is_full = True
        self._begin()
        super().pauseProducing()

    def resumeProducing(self) -> None:  # noqa: N802
        self._is_full = False
        if self.phase not in OVER:
            self._begin()
        super().resumeProducing()
        self._go_on()

    def loseConnection(self) -> Any:  # noqa: N802
        self._enter(Phase.CLOSING)
        return super().loseConnection()

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        self._enter(Phase.DONE)
        self._go_on()
        super().connectionLost(reason)

    def let_go(self) -> None:
        """It is a WebSocket from now on."""
        self._enter(Phase.DONE)
        vars(self.transport).pop("writeSomeData", None)
        # Nobody knows this channel any more, nor the request with its headers.
        self.transport.unregisterProducer()
        self.requests.clear()

    # Back pressure

    def when_taken(self, go_on: Callable[[], None]) -> bool:
        """Whether there is room now; if not, `go_on` is called once there is, or nobody is left."""
        if not self._is_full or self.phase in OVER:
            return True
        self._waiting = go_on
        return False

    def _go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting:
            waiting()

    # Deadlines

    @property
    def _state(self) -> Phase:
        return Phase.SENDING if self._is_full and self.phase not in OVER else self.phase

    def _enter(self, phase: Phase) -> None:
        # A connection that is being closed is only ever done after it.
        if self.phase is Phase.CLOSING and phase is not Phase.DONE:
            return
        before, self.phase = self._state, phase
        # What the client does not take goes on being not taken.
        if not (before is self._state is Phase.SENDING):
            self._begin()

    def _begin(self) -> None:
        self._since, self._moved = self._now(), 0
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        left = self._seconds_left()
        self._timer = None if left is None else self.factory.reactor.callLater(left, self._look)

    def _seconds_left(self) -> float | None:
        seconds = self.deadlines.of(self._state, moved=self._moved)
        return None if seconds is None else max(0.0, self._since + seconds - self._now())

    def _now(self) -> float:
        return float(self.factory.reactor.seconds())

    def _look(self) -> None:
        if self._seconds_left() == 0:
            self._end()
        else:
            self._set_timer()  # enough has moved meanwhile

    def _end(self) -> None:
        state = self._state
        has_begun = state is not Phase.HEAD or self._moved > 0
        if state in SLOW and has_begun:
            self.when_closed(f"slow {state.name.lower()}")
        if state in (Phase.SENDING, Phase.CLOSING):
            self.transport.abortConnection()
            return
        if state in (Phase.HEAD, Phase.BODY) and has_begun:
            self.transport.write(refusal(408))
        self.loseConnection()

    def _count_sent(self) -> None:
        """Counts the bytes that the client takes. Not there with TLS of Daphne's own."""
        write = getattr(self.transport, "writeSomeData", None)
        if write is None:
            return

        def write_and_count(data: bytes) -> Any:
            sent = write(data)
            if isinstance(sent, int) and sent > 0:
                self._moved += sent
            return sent

        self.transport.writeSomeData = write_and_count

    # Twisted answers a request that is none with a bare line.
    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        self.transport.write(refusal(400))
        self.loseConnection()
