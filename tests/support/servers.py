"""Runs the chat as people run it, Daphne in a process of its own, and manage.py commands beside it.

with start_server(database_url, redis_url=redis_url) as server:
    ... server.url ... server.ws_url ... server.log_end() ... server.kill() ... server.start()
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support import loopback, stack
from tests.support.processes import PATIENCE, Process, ServiceFailed

ROOT = Path(__file__).resolve().parents[2]
_migrated: set[str] = set()


def environment(
    database_url: str, redis_url: str | None = None, **more: str | int
) -> dict[str, str]:
    """What a process of the chat reads: these variables, and none of the caller's own."""
    return {
        **stack.without_ours(os.environ),
        **stack.SETTINGS,
        "DATABASE_URL": database_url,
        **({"REDIS_URL": redis_url} if redis_url else {}),
        **{name: str(value) for name, value in more.items()},
    }


def manage(
    *arguments: str, env: Mapping[str, str], seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs a manage.py command to its end; the caller looks at the exit code and the words."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds * PATIENCE,
        check=False,
    )


def migrate(database_url: str) -> None:
    """Once for each database of this process."""
    if database_url in _migrated:
        return
    done = manage("migrate", "--verbosity", "0", env=environment(database_url))
    if done.returncode:
        raise ServiceFailed(f"migrate failed:\n{done.stdout}{done.stderr}")
    _migrated.add(database_url)


def mark_migrated(database_url: str) -> None:
    """For a copy of a database that is migrated."""
    _migrated.add(database_url)


class Program(Process):
    """A process of the project."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__()
        self._environment = dict(env)

    def environment(self) -> dict[str, str]:
        return self._environment | {
            "PYTHONPATH": loopback.python_path(ROOT),
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._popen is not None, "it was never started"
        return self._popen

    def terminate(self) -> None:
        """SIGTERM, without waiting for what comes of it."""
        self.process.terminate()

    def exit_code(self, *, seconds: float = 20) -> int:
        """Waits for its end."""
        return self.process.wait(timeout=seconds * PATIENCE)


class Command(Program):
    """A manage.py command that runs until it is told to end, like run_kafka_consumer.

    `started_by` is what its log says when it is at work.
    """

    name = "command"

    def __init__(self, *arguments: str, env: Mapping[str, str], started_by: str) -> None:
        super().__init__(env)
        self._arguments = arguments
        self._started_by = started_by

    def command(self) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), *self._arguments]

    def is_ready(self) -> bool:
        return self._started_by in self.log.read_text(errors="replace")


class Server(Program):
    """One web process. Ports and log stay the same over `kill()` and `start()`."""

    name = "web"
    application = "webchat.asgi:application"

    def __init__(self, database_url: str, redis_url: str | None = None, **env: str | int) -> None:
        super().__init__(environment(database_url, redis_url, **env))
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}/ws/"
        self.database_url = database_url
        self._environment.setdefault("ALLOWED_ORIGINS", f"{self.url},http://localhost:{self.port}")

    def prepare(self) -> None:
        migrate(self.database_url)

    def command(self) -> list[str]:
        daphne = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1"]
        return [*daphne, "-p", str(self.port), self.application]

    def is_ready(self) -> bool:
        return self.status_of("/livez") == 200

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Writes into the server's SQLite behind its back, or reads from it: the rows."""
        file = self.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(file, timeout=20 * PATIENCE)) as database, database:
            return database.execute(statement, values).fetchall()

    def status_of(self, path: str) -> int | None:
        """The HTTP status of a page; None when the server does not answer."""
        try:
            return self.read(path)[0]
        except OSError:
            return None

    def read(self, path: str) -> tuple[int, str]:
        """A page's HTTP status and text. Raises OSError when the server does not answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=2 * PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


class Uvicorn(Server):
    """Another ASGI server, with WebSockets of `websockets`."""

    name = "uvicorn"

    def command(self) -> list[str]:
        uvicorn = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--log-level", "warning"]
        return [*uvicorn, "--ws", "websockets-sansio", "--port", str(self.port), self.application]


def start_server(database_url: str, redis_url: str | None = None, **env: str | int) -> Server:
    """A server that `with` starts (and migrates its database for) and closes."""
    return Server(database_url, redis_url, **env)
