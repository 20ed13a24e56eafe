"""How a socket of a real server ends, as a client sees it.

with connect(server, member) as socket:
    assert code_of(socket) == 1012
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as open_connection
from websockets.typing import Origin

from tests.support.processes import PATIENCE
from tests.support.servers import Server

SECONDS = 30 * PATIENCE


def connect(
    server: Server,
    member: Mapping[str, Any] | None = None,
    *,
    path: str = "/ws/",
    origin: str | None = None,
) -> ClientConnection:
    """Raises InvalidStatus when the handshake is refused. `member`: of `make_rooms`, or nobody."""
    return open_connection(
        f"ws://127.0.0.1:{server.port}{path}",
        origin=Origin(origin or server.url),
        additional_headers={"Cookie": member["cookie"]} if member else {},
        compression=None,
        proxy=None,
        max_size=None,
        open_timeout=SECONDS,
    )


@contextmanager
def welcomed(server: Server, member: Mapping[str, Any], **given: Any) -> Iterator[ClientConnection]:
    """Once it has had its welcome."""
    with connect(server, member, **given) as socket:
        assert '"welcome"' in str(socket.recv(timeout=SECONDS))
        yield socket


def lines_until_closed(socket: ClientConnection) -> tuple[list[dict[str, Any]], int | None]:
    """What the server still says, and the code with which it closes; None: it says none (1006)."""
    lines: list[dict[str, Any]] = []
    try:
        while True:
            text = str(socket.recv(timeout=SECONDS))
            lines += [json.loads(line) for line in text.splitlines()]
    except ConnectionClosed as closed:
        return lines, closed.rcvd.code if closed.rcvd else None


def code_of(socket: ClientConnection) -> int | None:
    return lines_until_closed(socket)[1]


class Refused:
    """An HTTP answer in the place of a socket: `status`, `retry_after` and the error's `code`."""

    def __init__(self, answer: InvalidStatus) -> None:
        response = answer.response
        self.status = response.status_code
        self.headers = response.headers
        self.retry_after = response.headers.get("Retry-After")
        self.code = json.loads(response.body or b"{}").get("error", {}).get("code")


def refusal_of(server: Server, member: Mapping[str, Any] | None = None, **given: Any) -> Refused:
    """Of a socket that is not opened."""
    try:
        with connect(server, member, **given):
            raise AssertionError("it was opened")
    except InvalidStatus as answer:
        return Refused(answer)
