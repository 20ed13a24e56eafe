"""Makes Daphne build our channels and requests, and only as many as there may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from daphne import server
from daphne.http_protocol import HTTPFactory

from webchat.daphne.channels import HttpChannel
from webchat.daphne.connections import Connections
from webchat.daphne.requests import Request


class Factory(HTTPFactory):
    protocol = HttpChannel
    # Our channels have their own deadlines, which each byte does not begin again.
    connections: ClassVar[Connections]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.timeOut = None

    def buildProtocol(self, addr: Any) -> HttpChannel | None:  # noqa: N802  (Twisted names it)
        """None: Twisted closes the connection."""
        address = getattr(addr, "host", None)
        if not self.connections.admits(address):
            return None
        channel: HttpChannel = super().buildProtocol(addr)
        channel.requestFactory = Request
        channel.when_closed = self.connections.note_closed
        channel.when_made = lambda transport: when_lost(transport, self.connections.take(address))
        return channel

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802
        return [b"http/1.1"]


def when_lost(transport: Any, call: Callable[[], None]) -> None:
    """Also of a connection that has become a WebSocket, of which its channel hears no more."""
    lose = transport.connectionLost

    def lost(*arguments: Any) -> Any:
        vars(transport).pop("connectionLost", None)
        call()
        return lose(*arguments)

    transport.connectionLost = lost


def use_factory(connections: Connections) -> None:
    Factory.connections = connections
    server.HTTPFactory = Factory
