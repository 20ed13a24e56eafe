"""Tests speak to nobody beyond this machine, and one that tries fails."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import loopback
from tests.support.loopback import BeyondLoopbackError, take_attempts
from tests.support.servers import ROOT, environment, manage

# Kept for documents (RFC 5737, RFC 2606): nobody is there, should this ever go wrong.
NOBODY, NO_NAME = "192.0.2.1", "nobody.example.org"


def by_connect(host: str) -> None:
    with socket.socket() as one:
        one.connect((host, 9))


def by_connect_ex(host: str) -> None:
    with socket.socket() as one:
        one.connect_ex((host, 9))


def by_datagram(host: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.sendto(b"x", (host, 9))


def by_message(host: str) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.sendmsg([b"x"], [], 0, (host, 9))


def by_asyncio(host: str) -> None:
    asyncio.run(asyncio.wait_for(asyncio.open_connection(host, 9), 5))


def by_urllib(host: str) -> None:
    urllib.request.urlopen(f"http://{host}:9/", timeout=5)


def by_look_up(host: str) -> None:
    socket.getaddrinfo(host, 9)


async def ask_loop(host: str) -> None:
    await asyncio.get_running_loop().getaddrinfo(host, 9)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    take_attempts()


class TestAttempt:
    WAYS = (by_connect, by_connect_ex, by_datagram, by_message, by_asyncio, by_urllib)

    @pytest.mark.parametrize("host", [NOBODY, "2001:db8::1", NO_NAME])
    @pytest.mark.parametrize("way", WAYS)
    def test_is_refused_and_written_down(self, way, host, request):
        if way is by_urllib and ":" in host:
            host = f"[{host}]"
        # urllib has its own word for every OSError.
        with pytest.raises(OSError, match="Tests stay on this machine") as caught:
            way(host)
        assert isinstance(getattr(caught.value, "reason", caught.value), BeyondLoopbackError)
        (attempt,) = take_attempts()
        assert host.strip("[]") in attempt
        assert request.node.nodeid in attempt

    @pytest.mark.parametrize(
        "ask",
        [
            by_look_up,
            socket.gethostbyname,
            socket.gethostbyname_ex,
            lambda name: asyncio.run(ask_loop(name)),
        ],
    )
    def test_to_look_up_a_name_is_one(self, ask):
        with pytest.raises(BeyondLoopbackError, match=f"a look-up of {NO_NAME}"):
            ask(NO_NAME)

    def test_to_look_up_whose_an_address_is_is_one(self):
        for ask in (socket.gethostbyaddr, lambda host: socket.getnameinfo((host, 9), 0)):
            with pytest.raises(BeyondLoopbackError, match=f"a reverse look-up of {NOBODY}"):
                ask(NOBODY)

    def test_of_a_thread_is_written_down_though_nobody_hears_of_it(self):
        def swallow() -> None:
            with contextlib.suppress(OSError):
                by_connect(NOBODY)

        thread = threading.Thread(target=swallow)
        thread.start()
        thread.join()
        assert len(take_attempts()) == 1


class TestThisMachine:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", ""])
    def test_may_be_spoken_to(self, host):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.connect((host, 9))
        assert take_attempts() == []

    def test_may_be_spoken_to_over_a_file(self, tmp_path):
        with socket.socket(socket.AF_UNIX) as one, pytest.raises(FileNotFoundError):
            one.connect(str(tmp_path / "nobody"))
        assert take_attempts() == []

    @pytest.mark.parametrize("host", ["10.0.0.1", "0x7f000001", "2130706433", "2001:db8::1", None])
    def test_knows_figures_without_asking_anybody(self, host):
        assert socket.getaddrinfo(host, 80)
        assert take_attempts() == []


class TestNamedService:
    def test_may_be_elsewhere(self, monkeypatch):
        monkeypatch.setenv("TEST_KAFKA_BROKERS", f"{NOBODY}:29092,127.0.0.1:29092")
        assert loopback._named_services() >= {NOBODY, "127.0.0.1"}


SWALLOWED = """
import contextlib, socket, subprocess, sys, threading

def swallow():
    with contextlib.suppress(OSError):
        socket.create_connection(("192.0.2.1", 9))

def test_in_a_thread():
    thread = threading.Thread(target=swallow)
    thread.start()
    thread.join()

def test_in_a_process():
    code = "import socket; socket.getaddrinfo('nobody.example.org', 80)"
    subprocess.run([sys.executable, "-c", code], capture_output=True)

def test_nothing():
    pass
"""


class TestTeardown:
    def test_fails_the_test_whose_attempt_was_swallowed(self, tmp_path):
        (tmp_path / "conftest.py").write_text(
            "from tests.conftest import pytest_runtest_teardown\n"
            "from tests.support import loopback\n"
            "loopback.install()\n"
            "loopback.watch_processes()\n"
        )
        (tmp_path / "test_it.py").write_text(SWALLOWED)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-c", "/dev/null"),
                *("--rootdir", tmp_path, "--import-mode=importlib", tmp_path),
            ],
            cwd=ROOT,
            env=environment("sqlite:///never-opened"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert "3 passed, 2 errors" in done.stdout, done.stdout + done.stderr
        assert "a connection to 192.0.2.1 was tried in test_it.py::test_in_a_thread" in done.stdout
        assert (
            "a look-up of nobody.example.org was tried in test_it.py::test_in_a_process"
            in done.stdout
        )


class TestProcess:
    def test_of_the_project_is_watched_too(self):
        code = "import socket; socket.create_connection(('192.0.2.1', 9), 1)"
        done = manage("shell", "-c", code, env=environment("sqlite:///never-opened"))
        assert done.returncode != 0
        assert "Tests stay on this machine" in done.stderr
        assert len(take_attempts()) == 1

    def test_has_the_watch_before_the_project_on_its_path(self):
        path = loopback.python_path(ROOT).split(":")
        assert [Path(folder) for folder in path] == [loopback.EVERY_PROCESS, ROOT]
