"""Tests speak to nobody beyond this machine: who tries is refused, and the test that did it fails.

In the tests' own process, and by every_process/ in each Python that they start. An attempt is
refused before a packet leaves, whichever library makes it and in whatever thread, and is written
down, so that nobody can swallow it (see pytest_runtest_teardown in tests/conftest.py). What speaks
in C by itself (libpq, a browser, Java) is not seen here.

Standard library only: it is loaded also where nothing is installed.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# The file where attempts are written down; processes that a test starts inherit it.
REPORT = "TEST_ATTEMPTS_FILE"
EVERY_PROCESS = Path(__file__).parent / "every_process"
# Services that somebody has named, wherever they are (see CONTRIBUTING.md).
SERVICES = ("TEST_POSTGRES_URL", "TEST_REDIS_URL", "TEST_KAFKA_BROKERS")

_named: set[str] = set()
_installed: list[Callable[..., None]] = []


class BeyondLoopbackError(OSError):
    """Raised in the place of a connection, or of a question to a name server."""


def install() -> None:
    """From now on, in this process, for good. Done twice it is done once."""
    _named.update(_named_services())
    if _look_at in _installed:
        return
    _installed.append(_look_at)
    sys.addaudithook(_look_at)
    # A name that stands in the place of an address is looked up before there is an audit event.
    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        setattr(socket.socket, name, _without_names(getattr(socket.socket, name)))


def watch_processes() -> None:
    """Also in each Python that this process starts; what they try is written down with the rest."""
    handle, os.environ[REPORT] = tempfile.mkstemp(prefix="webchat-attempts-")
    os.close(handle)
    os.environ["PYTHONPATH"] = python_path(*filter(None, [os.environ.get("PYTHONPATH")]))


def python_path(*folders: str | Path) -> str:
    """PYTHONPATH for a process that tests start."""
    return os.pathsep.join(dict.fromkeys(map(str, [EVERY_PROCESS, *folders])))


def take_attempts() -> list[str]:
    """What was tried since the last time: where to, and in which test."""
    report = Path(os.environ[REPORT])
    if not report.stat().st_size:
        return []
    found = report.read_text().splitlines()
    os.truncate(report, 0)
    return found


def stop_watching() -> None:
    Path(os.environ.pop(REPORT)).unlink(missing_ok=True)


def _look_at(event: str, arguments: tuple[Any, ...]) -> None:
    look = LOOKS.get(event)
    if look is not None:
        look(*arguments)


def _look_at_address(one: socket.socket, address: Any) -> None:
    if one.family in (socket.AF_INET, socket.AF_INET6) and address:
        _check(address[0], "a connection to")


def _look_at_name(name: Any, *_rest: Any) -> None:
    """An address in figures is no question to anybody."""
    if name and _figures(_text(name)) is None:
        _check(name, "a look-up of")


def _look_at_reverse(address: Any) -> None:
    _check(address[0] if isinstance(address, tuple) else address, "a reverse look-up of")


LOOKS: dict[str, Callable[..., None]] = {
    "socket.connect": _look_at_address,  # connect_ex, too
    "socket.sendto": _look_at_address,
    "socket.sendmsg": _look_at_address,
    "socket.getaddrinfo": _look_at_name,
    "socket.gethostbyname": _look_at_name,  # gethostbyname_ex, too
    "socket.gethostbyaddr": _look_at_reverse,
    "socket.getnameinfo": _look_at_reverse,
}


def _without_names(method: Callable[..., Any]) -> Callable[..., Any]:
    def checked(self: socket.socket, *arguments: Any) -> Any:
        for address in arguments[-1:]:
            if isinstance(address, tuple):
                _look_at_address(self, address)
        return method(self, *arguments)

    return checked


def _check(host: Any, what: str) -> None:
    if not _is_here(_text(host)):
        _refuse(f"{what} {_text(host)}")


def _is_here(host: str) -> bool:
    # This machine's own name: the standard library's HTTP server asks for it when it starts.
    if host in _named or host.rstrip(".").lower() in {"localhost", socket.gethostname().lower()}:
        return True
    address = _figures(host)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _figures(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is when it is no name; "" is this machine."""
    if not host:
        return ipaddress.IPv4Address(0)
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host.partition("%")[0])
        return getattr(address, "ipv4_mapped", None) or address
    with contextlib.suppress(OSError):  # 127.1, 0x7f000001
        return ipaddress.IPv4Address(socket.inet_aton(host))
    return None


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)


def _refuse(what: str) -> None:
    test = os.environ.get("PYTEST_CURRENT_TEST", "no test")
    words = f"{what} was tried in {test}, process {os.getpid()}"
    if report := os.environ.get(REPORT):
        handle = os.open(report, os.O_WRONLY | os.O_APPEND)
        os.write(handle, f"{words}\n".encode())
        os.close(handle)
    raise BeyondLoopbackError(f"Tests stay on this machine: {words}")


def _named_services() -> set[str]:
    given = ",".join(os.environ.get(name, "") for name in SERVICES).split(",")
    hosts = {urlsplit(one if "//" in one else f"//{one}").hostname for one in given} - {None}
    found = {host for host in hosts if host}
    for host in [host for host in found if not _is_here(host)]:
        with contextlib.suppress(OSError):
            found.update(str(answer[4][0]) for answer in socket.getaddrinfo(host, None))
    return found
