"""Docker as the last resort. Docker is played by a program that runs the service directly."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import containers, needs
from tests.support.processes import ServiceMissing, answers
from tests.support.services import Redis

# Knows what Docker's manual says of the commands that are used, and refuses everything else.
DOCKER = """#!{python}
import os, pathlib, re, signal, subprocess, sys
notes = pathlib.Path({notes!r})
verb, *rest = sys.argv[1:]
with (notes / "calls").open("a") as calls:
    print(verb, file=calls)
if verb == "info":
    sys.exit(0)
if verb == "run":
    name, port = re.match(
        r"--init --name=(\\S+) --publish=127.0.0.1:(\\d+):6379 redis:7$", " ".join(rest)
    ).groups()
    (notes / name).write_text(port)
if verb == "start":
    assert rest[0] == "--attach"
    name = rest[1]
if verb in ("run", "start"):
    port = (notes / name).read_text()
    service = subprocess.Popen([{redis!r}, "--port", port, "--save", ""], start_new_session=True)
    (notes / (name + ".pid")).write_text(str(service.pid))
    sys.exit(service.wait())
pid = int((notes / (rest[-1] + ".pid")).read_text())
sent = dict(pause="STOP", unpause="CONT", stop="TERM", kill="KILL", rm="KILL")[verb]
try:
    os.kill(pid, signal.Signals["SIG" + sent])
except ProcessLookupError:
    sys.exit(1)
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    return tmp_path / "notes"


@pytest.fixture
def redis(tmp_path: Path, notes: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    try:
        program = Redis.find()
    except ServiceMissing as error:
        needs.absent(str(error))
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.format(python=sys.executable, notes=str(notes), redis=program))
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))  # nothing but Docker is on this machine
    containers.docker_answers.cache_clear()
    with Redis() as service:
        yield service
    containers.docker_answers.cache_clear()


def is_up(redis: Redis) -> bool:
    return answers(redis.port, b"PING\r\n", b"+PONG", seconds=0.3)


class TestContainer:
    def test_stands_in_for_a_missing_program(self, redis):
        assert redis.container
        assert is_up(redis)

    def test_stops_and_starts_with_its_data(self, redis, notes):
        redis.restart()
        assert is_up(redis)
        assert (notes / "calls").read_text().split() == ["info", "run", "unpause", "stop", "start"]

    def test_can_be_killed_and_started_again(self, redis):
        redis.kill()
        assert not is_up(redis)
        redis.start()
        assert is_up(redis)

    def test_can_be_frozen_and_thawed(self, redis):
        redis.freeze()
        assert not is_up(redis)
        redis.thaw()
        assert is_up(redis)

    def test_is_removed_in_the_end(self, redis, notes):
        redis.close()
        assert not is_up(redis)
        assert (notes / "calls").read_text().split()[-1] == "rm"


class TestWithoutDocker:
    def test_the_missing_program_is_named(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        containers.docker_answers.cache_clear()
        with pytest.raises(ServiceMissing, match="apt-get install redis-server"):
            Redis()
        containers.docker_answers.cache_clear()
