"""The services that tests stand on: they come back with the same port and data, and never outlive
their run. Redis stands for all of them: it is the quickest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis as Client

from tests.support import needs, watchdog
from tests.support.processes import (
    ServiceFailed,
    ServiceMissing,
    answers,
    free_port,
    patience,
    wait_until,
)
from tests.support.services import Redis

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def redis():
    try:
        service = Redis()
    except ServiceMissing as error:
        needs.absent(str(error))
    with service:
        yield service


class TestPatience:
    @pytest.mark.parametrize(("load", "expected"), [(0.1, 4), (2.0, 4), (6.0, 12), (500.0, 40)])
    def test_grows_with_those_who_wait_for_a_core(self, monkeypatch, load, expected):
        monkeypatch.delenv("TEST_PATIENCE", raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
        assert patience() == expected

    def test_is_what_is_asked_for(self, monkeypatch):
        monkeypatch.setenv("TEST_PATIENCE", "2.5")
        assert patience() == 2.5


class TestPort:
    def test_is_given_out_once_though_nobody_has_bound_it_yet(self, monkeypatch):
        monkeypatch.setattr("random.choice", lambda ports: ports[0])
        elsewhere = subprocess.run(
            [
                sys.executable,
                "-c",
                "from tests.support.processes import free_port; print(free_port())",
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        ports = [free_port(), free_port(), int(elsewhere.stdout)]
        assert len(set(ports)) == 3


class TestService:
    def test_answers_once_it_is_started(self, redis):
        with Client.from_url(redis.url) as client:
            assert client.ping()

    def test_comes_back_on_the_same_port_after_being_killed(self, redis):
        redis.kill()
        assert not answers(redis.port, b"PING\r\n", b"+PONG")
        redis.start()
        assert answers(redis.port, b"PING\r\n", b"+PONG")

    def test_answers_nothing_while_frozen_and_goes_on_when_thawed(self, redis):
        redis.freeze()
        assert not answers(redis.port, b"PING\r\n", b"+PONG", seconds=0.3)
        redis.thaw()
        assert answers(redis.port, b"PING\r\n", b"+PONG")

    def test_can_be_closed_while_frozen_and_leaves_nothing(self, redis):
        pid = redis.pid
        redis.freeze()
        redis.close()
        assert not watchdog.is_alive(pid)
        assert not redis.folder.exists()

    def test_says_what_its_log_says_when_it_does_not_start(self, redis):
        with Redis() as other:
            other.stop()
            other.port = redis.port
            with pytest.raises(ServiceFailed, match="Address already in use"):
                other.start()


OWNER = """
import os, signal, sys
from tests.support.services import Redis
redis = Redis().start()
print(redis.pid, redis.folder, flush=True)
{ending}
"""


class TestRun:
    @pytest.mark.parametrize(
        "ending",
        [
            pytest.param("os.kill(os.getpid(), signal.SIGKILL)", id="killed"),
            pytest.param("sys.exit(1)", id="exit"),
            pytest.param("raise KeyboardInterrupt", id="interrupted"),
        ],
    )
    def test_leaves_no_service_behind_however_it_ends(self, redis, ending):
        owner = subprocess.run(
            [sys.executable, "-c", OWNER.format(ending=ending)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        pid, folder = owner.stdout.split()
        wait_until(lambda: not watchdog.is_alive(int(pid)), seconds=10)
        wait_until(lambda: not Path(folder).exists(), seconds=10)


class TestFamily:
    def test_has_the_children_of_children(self):
        nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
        with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE) as process:
            wait_until(lambda: len(watchdog.family(process.pid)) == 2, seconds=10)
            members = watchdog.family(process.pid)
            watchdog.send(members, signal.SIGKILL)
        assert os.getpid() not in members
