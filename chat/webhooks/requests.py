"""One request to a receiver, and its result. Knows nothing of rows, order or retries."""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Final

from django.conf import settings
from django.utils.translation import gettext_noop

from chat.webhooks.addresses import AddressRefusedError, Target, parse_target, resolve

CONNECT_SECONDS: Final = 5.0
TOTAL_SECONDS: Final = 10.0
# Read so that the receiver can finish its answer; nobody looks at it.
MAX_ANSWER_BYTES: Final = 16 * 1024
MAX_RETRY_AFTER_SECONDS: Final = 3600

TOO_SLOW: Final = gettext_noop("The receiver did not answer in time.")
BROKEN: Final = gettext_noop("The connection was refused, or closed before an answer came.")
NO_TRUST: Final = gettext_noop(
    "The receiver's certificate is not valid: wrong name, expired or not trusted."
)
REDIRECTS: Final = gettext_noop(
    "The receiver redirects us, and we do not follow redirects. Enter the address that it"
    " redirects to."
)
REFUSED: Final = gettext_noop("The receiver answered with an error.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is empty when it was taken, else a sentence (a msgid). `milliseconds`: how long the
    receiver took; None where nobody was asked, so that it tells nothing of the name's look-up."""

    error: str = ""
    status: int | None = None
    milliseconds: int | None = None
    retry_after_seconds: int = 0


class WithheldError(Exception):
    """Raised by `before_leaving` when the request must not leave."""


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    before_leaving: Callable[[], object] = lambda: None,
) -> Outcome:
    """Posts it once. Raises nothing that a receiver or its address can be the cause of.

    `before_leaving` is called when the connection stands, and nothing of the request has left:
    what it raises, WithheldError say, is raised.
    """
    began_at, asked_seconds = time.monotonic(), 0.0
    status, retry_after = None, 0

    def ask() -> None:
        nonlocal asked_seconds
        asked_at = time.monotonic()
        before_leaving()
        asked_seconds = time.monotonic() - asked_at

    try:
        response = _exchange(parse_target(url), headers, body, began_at + TOTAL_SECONDS, ask)
        status, error = response.status, _judge(response.status)
        retry_after = _retry_after(response)
    except AddressRefusedError as refusal:
        return Outcome(str(refusal))
    except (OSError, HTTPException) as failure:
        error = _describe(failure, took_seconds=time.monotonic() - began_at)
    took_seconds = time.monotonic() - began_at - asked_seconds  # what we asked is not the receiver
    return Outcome(error, status, round(took_seconds * 1000), retry_after)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Trusts whom the system trusts (SSL_CERT_FILE names others)."""
    return ssl.create_default_context()


def _exchange(
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    deadline: float,
    before_leaving: Callable[[], object],
) -> HTTPResponse:
    """Returns the answer's head. Raises AddressRefusedError, OSError or HTTPException."""
    line = _connect(target, deadline)
    with line, _cut_at(deadline, line):
        if target.scheme == "https":
            line = tls_context().wrap_socket(line, server_hostname=target.host)
        with line:
            connection = HTTPConnection(target.host, target.port)
            connection.sock = line
            fixed = {
                "Host": target.host_header,
                "User-Agent": f"Webchat/{settings.VERSION}",
                "Content-Type": "application/json",
                "Connection": "close",
            }
            before_leaving()
            connection.request("POST", target.path, body, {**fixed, **headers})
            response = connection.getresponse()
            if time.monotonic() >= deadline:  # a head that was cut off reads like a whole one
                raise TimeoutError
            with suppress(OSError, HTTPException, ValueError):
                response.read(MAX_ANSWER_BYTES)
            return response


def _connect(target: Target, deadline: float) -> socket.socket:
    """To the first of the checked addresses that answers."""
    failure: OSError = TimeoutError()
    for address in resolve(target):
        seconds = min(CONNECT_SECONDS, deadline - time.monotonic())
        if seconds <= 0:
            break
        try:
            line = socket.create_connection((address, target.port), timeout=seconds)
        except OSError as error:
            failure = error
            continue
        line.settimeout(TOTAL_SECONDS)
        return line
    raise failure


@contextmanager
def _cut_at(deadline: float, line: socket.socket) -> Iterator[None]:
    """Ends the connection at the deadline, however slowly the other side goes on: a time limit of
    a socket counts for each byte again."""
    # TLS takes the socket over; its twin stays good for hanging up.
    twin = line.dup()

    def hang_up() -> None:
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        twin.close()


def _judge(status: int) -> str:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    return REDIRECTS if status < HTTPStatus.BAD_REQUEST else REFUSED


def _describe(failure: Exception, *, took_seconds: float) -> str:
    if isinstance(failure, TimeoutError) or took_seconds >= TOTAL_SECONDS:
        return TOO_SLOW
    return NO_TRUST if isinstance(failure, ssl.SSLCertVerificationError) else BROKEN


def _retry_after(response: HTTPResponse) -> int:
    """How long the receiver asks to be left alone; a date instead of seconds does not count."""
    given = (response.getheader("Retry-After") or "").strip()
    is_number = given.isascii() and given.isdigit() and len(given) < 10
    return min(int(given), MAX_RETRY_AFTER_SECONDS) if is_number else 0
