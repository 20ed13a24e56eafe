"""One PostgreSQL, Redis or Kafka for all workers of a test run, started by whoever asks first."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from tests.support.processes import Process

# Kept: a forgotten Popen complains.
_started_here: list[Process] = []


class Service(Protocol):
    """What `shared` needs of Postgres, Redis and Kafka."""

    name: str
    environment_name: str

    def __init__(self, *, owner: int | None = None) -> None: ...
    def start(self) -> Process: ...
    @property
    def address(self) -> str: ...


def shared(service: type[Service], *, folder: Path, owner: int) -> str:
    """The address of the run's one service: from the environment, or of the one started here.

    `folder` is the same for all workers of a run; `owner` is the process at whose end it ends.
    """
    if address := os.environ.get(service.environment_name):
        return address
    with locked(folder / f"{service.name}.lock"):
        note = folder / f"{service.name}.json"
        if not note.exists():
            started = service(owner=owner)
            _started_here.append(started.start())
            note.write_text(json.dumps({"address": started.address}))
        return str(json.loads(note.read_text())["address"])


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
