"""Who is slow on purpose is closed, and whoever is not is not: a real Daphne, raw bytes.

Times are a second where production has many; nothing here measures how long exactly.
"""

from __future__ import annotations

import contextlib
import resource
import socket
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from tests.support.raw_http import Raw, request
from tests.support.servers import ROOT, Server

pytestmark = pytest.mark.embedded

SHORT = {
    "CONNECTION_HEAD_SECONDS": 1,
    "CONNECTION_IDLE_SECONDS": 1,
    "CONNECTION_GRACE_SECONDS": 1,
    # A body of 20,000 bytes may so take two seconds; a byte every 0.2 s is far below.
    "CONNECTION_MIN_PACE": 10_000,
    "CONNECTION_LONGEST_SECONDS": 5,
}
LARGE = 8_000_000


class RunServer(Server):
    """As a developer starts it."""

    def command(self) -> list[str]:
        daphne = super().command()
        return [daphne[0], str(ROOT / "manage.py"), "runserver", "--noreload", f"{self.port}"]


@pytest.fixture(scope="module", params=[Server, RunServer], ids=["daphne", "runserver"])
def server(request, tmp_path_factory, new_sqlite_url):
    folder = tmp_path_factory.mktemp("slow")
    static = folder / "static"
    url = new_sqlite_url(folder)
    static.mkdir()
    (static / "large.bin").write_bytes(bytes(LARGE))
    (static / "staticfiles.json").write_text(
        '{"paths": {"large.bin": "large.bin"}, "version": "1.1"}'
    )
    with request.param(url, STATIC_ROOT=static, **SHORT) as started:
        yield started


class TestHead:
    def test_that_comes_byte_by_byte_is_closed(self, server):
        with Raw(server.port) as peer:
            peer.drip(request("/livez", "X-Long: " + "x" * 500), every=0.2)
            assert peer.closed()
            assert (peer.status, peer.error["code"]) == (408, "too_slow")
            assert peer.headers["content-security-policy"].startswith("default-src 'none'")

    def test_of_which_nothing_comes_is_closed_without_a_word(self, server):
        with Raw(server.port) as peer:
            assert peer.rest() == b""

    def test_of_a_websocket_that_never_ends_is_closed(self, server):
        with Raw(server.port) as peer:
            peer.send(b"GET /ws/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n")
            assert peer.closed()
            assert peer.status == 408

    def test_that_begins_behind_another_request_is_closed(self, server):
        with Raw(server.port) as peer:
            peer.send(request("/livez") + b"GET /li")
            assert peer.closed()
            assert peer.received.count(b"HTTP/1.1 ") == 2
            assert b"408" in peer.received


class TestIdleConnection:
    def test_is_closed_without_a_word(self, server):
        with Raw(server.port) as peer:
            peer.send(request("/livez"))
            assert peer.closed()
            assert peer.status == 200
            assert peer.received.count(b"HTTP/1.1 ") == 1

    def test_is_used_again_before_that(self, server):
        with Raw(server.port) as peer:
            for _ in range(3):
                peer.send(request("/livez"))
                peer.read()
            assert peer.received.count(b"HTTP/1.1 200") == 3


class TestBody:
    LINES = ("Content-Type: application/json", "Content-Length: 500")

    def test_that_comes_byte_by_byte_is_closed(self, server):
        with Raw(server.port) as peer:
            peer.send(request("/hooks/x", *self.LINES, method="POST"))
            peer.drip(b"{" + b" " * 499, every=0.2)
            assert peer.closed()
            assert (peer.status, peer.error["code"]) == (408, "too_slow")

    def test_in_chunks_of_a_byte_is_closed(self, server):
        with Raw(server.port) as peer:
            chunked = "Transfer-Encoding: chunked"
            peer.send(request("/hooks/x", self.LINES[0], chunked, method="POST"))
            peer.drip(b"1\r\nx\r\n" * 100, every=0.1)
            assert peer.closed()
            assert peer.status == 408

    def test_that_comes_in_good_time_is_answered(self, server):
        with Raw(server.port) as peer:
            peer.send(request("/hooks/x", *self.LINES, "Connection: close", method="POST"))
            peer.send(b"{}" + b" " * 498)
            assert peer.closed()
            assert (peer.status, peer.error["code"]) == (404, "not_found")

    def test_that_is_too_large_is_refused_before_it_comes(self, server):
        with Raw(server.port) as peer:
            peer.send(request("/hooks/x", "Content-Length: 99000000", method="POST"))
            assert peer.closed()
            assert (peer.status, peer.error["code"]) == (413, "too_large")
            assert peer.headers["cache-control"] == "no-store, private"


class TestAnswer:
    def test_that_nobody_takes_is_not_kept_for_ever(self, server):
        with Raw(server.port, buffer=4096) as peer:
            peer.send(request("/static/large.bin"))
            assert peer.read(1000)
            wait_until(lambda: is_reset(peer.socket), seconds=10, what="the answer is given up")

    def test_with_a_close_that_nobody_takes_is_not_kept_either(self, server):
        with Raw(server.port, buffer=4096) as peer:
            peer.send(request("/static/large.bin", "Connection: close"))
            assert peer.read(1000)
            wait_until(lambda: is_reset(peer.socket), seconds=10, what="the answer is given up")

    def test_that_nobody_takes_is_not_kept_for_a_further_request(self, server):
        with Raw(server.port, buffer=4096) as peer:
            peer.send(request("/static/large.bin") * 3 + b"GET / HT")
            assert peer.read(1000)
            wait_until(lambda: is_reset(peer.socket), seconds=10, what="the answer is given up")

    def test_that_is_taken_at_a_fair_pace_comes_whole(self, server):
        with Raw(server.port, buffer=65536) as peer:
            peer.send(request("/static/large.bin", "Connection: close"))
            assert len(peer.rest()) > LARGE

    def test_waits_on_the_disk_and_not_in_memory(self, server):
        if not Path("/proc/self/statm").exists():
            pytest.skip("needs /proc")
        seen = [memory_of(server.pid)]
        with contextlib.ExitStack() as opened:
            peers = [opened.enter_context(Raw(server.port, buffer=4096)) for _ in range(10)]
            for peer in peers:
                peer.send(request("/static/large.bin"))

            def are_given_up() -> bool:
                seen.append(memory_of(server.pid))
                return all(is_reset(peer.socket) for peer in peers)

            wait_until(are_given_up, seconds=20, what="the answers are given up")
        assert max(seen) - seen[0] < 3 * LARGE


def is_reset(peer: socket.socket) -> bool:
    """Whether the other side has given up, seen without reading what it sent."""
    try:
        peer.send(b"x")
    except (ConnectionError, TimeoutError):
        return True
    return False


def memory_of(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class FewDescriptors(Server):
    """With a limit of 128 descriptors, of which the soft one is 64 at first."""

    def command(self) -> list[str]:
        limits = 'ulimit -Sn 64; ulimit -Hn 128; exec "$0" "$@"'
        return ["/bin/sh", "-c", limits, *super().command()]


class TestDescriptors:
    @pytest.fixture
    def server(self, migrated_sqlite_url):
        with FewDescriptors(migrated_sqlite_url, CONNECTION_HEAD_SECONDS=600) as started:
            yield started

    def test_are_as_many_as_the_system_allows_and_that_is_said(self, server):
        assert "connections=96 descriptors=128" in server.log.read_text()

    def test_are_not_all_held_by_one_address(self, server):
        with contextlib.ExitStack() as opened:
            held = [opened.enter_context(Raw(server.port)) for _ in range(60)]
            assert held[-1].rest() == b""  # refused
            with Raw(server.port, source="127.0.0.2") as other:
                other.send(request("/livez", "Connection: close"))
                other.rest()
                assert other.status == 200
            # Those that were let in are still there.
            held[0].send(request("/livez", "Connection: close"))
            held[0].rest()
            assert held[0].status == 200
        wait_until(lambda: server.status_of("/livez") == 200, seconds=10, what="there is room")

    def test_are_not_all_held_by_many_addresses_either(self, server):
        with contextlib.ExitStack() as opened:
            for number in range(150):
                source = f"127.0.1.{number // 30}"
                with contextlib.suppress(ConnectionError):
                    opened.enter_context(Raw(server.port, source=source))
        wait_until(lambda: server.status_of("/readyz") == 200, seconds=20, what="it works on")
        assert "Too many open files" not in server.log.read_text()
