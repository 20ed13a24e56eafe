"""script/server: what a person sees who has only Python, when all is well and when it is not."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support import loopback
from tests.support.processes import PATIENCE, free_port, wait_until
from tests.support.servers import ROOT, environment


def run(
    *command: str | Path, cwd: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120 * PATIENCE,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last word to the person: never a traceback."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A fresh copy of what is needed before anything is installed."""
    shutil.copytree(ROOT / "script", tmp_path / "script")
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    return tmp_path


class TestCheck:
    def test_sends_a_message_over_real_sockets_and_says_what_it_saw(self, tmp_path):
        done = subprocess.run(
            [sys.executable, "script/steps/run_server.py", "check"],
            cwd=ROOT,
            env=environment(f"sqlite:///{tmp_path / 'webchat.sqlite3'}"),
            capture_output=True,
            text=True,
            timeout=120 * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "anna and boris signed in" in done.stderr
        assert "boris received it" in done.stderr
        assert done.stderr.endswith("all is well\n")

    @pytest.mark.long
    def test_fails_when_the_chat_does_not_let_its_people_in(self, tmp_path):
        done = subprocess.run(
            [sys.executable, "script/steps/run_server.py", "check"],
            cwd=ROOT,
            env=environment(
                f"sqlite:///{tmp_path / 'webchat.sqlite3'}", ALLOWED_HOSTS="elsewhere.example"
            ),
            capture_output=True,
            text=True,
            timeout=120 * PATIENCE,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.endswith("Webchat: the check failed: HTTP Error 400: Bad Request\n")


class TestStart:
    def test_says_where_the_chat_is_and_ends_with_ctrl_c(self, tmp_path):
        port = free_port()
        said = tmp_path / "said"
        with (
            said.open("w") as words,
            subprocess.Popen(
                [sys.executable, "script/steps/run_server.py", str(port)],
                cwd=ROOT,
                env=environment(f"sqlite:///{tmp_path / 'webchat.sqlite3'}"),
                stdout=subprocess.DEVNULL,
                stderr=words,
            ) as server,
        ):
            wait_until(lambda: f"http://127.0.0.1:{port} " in said.read_text(), seconds=60)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez") as answer:
                assert answer.status == 200
            server.send_signal(signal.SIGINT)
            server.wait(timeout=15 * PATIENCE)
        assert "Traceback" not in said.read_text()


class TestTrouble:
    def test_names_a_busy_port_and_another_one(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            words = one_line(run("script/server", "--port", str(port)))
        assert f"port {port} is busy" in words
        assert f"--port {port + 1}" in words

    @pytest.mark.parametrize("port", ["0", "65536", "eighty", "80 80", "-1"])
    def test_refuses_what_is_no_port(self, port):
        assert "1 to 65535" in one_line(run("script/server", f"--port={port}"))
        assert "1 to 65535" in one_line(run("script/server", PORT=port))

    @pytest.mark.parametrize("script", ["script/server", "script/test"])
    def test_names_an_old_python(self, tmp_path, script):
        for name in ("python3", "python"):
            old = tmp_path / name
            old.write_text(
                '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit 0\nexit 1\n'
            )
            old.chmod(0o755)
        for name in ("bash", "dirname", "env"):
            found = shutil.which(name)
            assert found
            (tmp_path / name).symlink_to(found)
        words = one_line(run(ROOT / script, PATH=str(tmp_path), PYTHON=""))
        assert "3.11 or newer" in words
        assert "Python 3.9.2" in words

    def test_names_a_missing_venv_module(self, bare):
        fake = bare / "fake" / "venv"
        fake.mkdir(parents=True)
        (fake / "__init__.py").touch()
        (fake / "__main__.py").write_text("raise SystemExit('ensurepip is not available')")
        done = run(
            "script/server",
            cwd=bare,
            PYTHON=sys.executable,
            PYTHONPATH=loopback.python_path(fake.parent),
            PORT=str(free_port()),
        )
        assert "apt-get install python3-venv" in one_line(done)
        assert not (bare / ".venv").exists()

    def test_names_a_missing_network(self, bare):
        done = run(
            "script/server",
            cwd=bare,
            PYTHON=sys.executable,
            PORT=str(free_port()),
            PIP_CONFIG_FILE=os.devnull,
            PIP_INDEX_URL="http://127.0.0.1:9/",
            PIP_FIND_LINKS="",
            PIP_NO_CACHE_DIR="1",
            PIP_RETRIES="0",
        )
        assert "cannot install requirements.txt" in one_line(done)
        assert "network" in one_line(done)
