"""A receiver of webhooks for tests: a real HTTP(S) server in threads, as well behaved as told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certificates import Issued
from tests.support.processes import DEADLINE, free_port


@dataclass(frozen=True)
class Got:
    """One request, as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def chat_and_seq(self) -> tuple[str, int]:
        return self.fields["data"]["chatId"], self.fields["data"]["seq"]


Behave = Callable[[Got, BaseHTTPRequestHandler], int]


class Receiver:
    """Answers what `behave(got, handler)` says (a status); 0: it has dealt with it by itself."""

    def __init__(self, *, issued: Issued | None = None) -> None:
        self.taken: list[Got] = []
        self.asked: list[Got] = []
        self.behave: Behave = lambda got, handler: 204
        self._issued = issued
        self._server: ThreadingHTTPServer | None = None
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._issued else 'http'}://127.0.0.1:{self.port}/hook?from=webchat"

    def start(self) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        server.daemon_threads = True
        if self._issued:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._issued.certificate, self._issued.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        self._server = server

    def stop(self) -> None:
        """Until `start`, its connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def hold_back(self) -> threading.Event:
        """Answers nobody until the event is set (or the deadline has come)."""
        go_on = threading.Event()
        self.behave = lambda got, handler: 200 if go_on.wait(DEADLINE) else 500
        return go_on

    def events_by_chat(self) -> dict[str, list[int]]:
        """Each chat's seqs as they came; what came again under its id is left out."""
        found: dict[str, list[int]] = defaultdict(list)
        ids: set[str] = set()
        for got in list(self.taken):
            if got.event_id not in ids:
                ids.add(got.event_id)
                chat, seq = got.chat_and_seq
                found[chat].append(seq)
        return dict(found)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(self.path, headers, body, time.monotonic())
                receiver.asked.append(got)
                status = receiver.behave(got, self)
                if 200 <= status < 300:
                    receiver.taken.append(got)
                if status:
                    with suppress(OSError):
                        self.send_response(status)
                        self.send_header("Content-Length", "0")
                        self.end_headers()

            def log_message(self, *_given: Any) -> None:
                pass

        return Handler


def is_signed(got: Got, secret: str) -> bool:
    """Written from the convention alone; shares nothing with the code under test."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = b".".join([got.event_id.encode(), got.headers["webhook-timestamp"].encode(), got.body])
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    version, _, given = got.headers["webhook-signature"].partition(",")
    return version == "v1" and hmac.compare_digest(given, expected)
