"""The whole system as processes: services, lines to them, two of each process of the chat.

    with System() as system:
        ... system.webs[0].kill() ... system.lines.become("redis", delay=0.1)

`direct_url` and `brokers` go past no bad line; the chat's processes only know the lines.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from bench.chaos.disks import KafkaOnItsDisk, PostgresOnItsDisk
from tests.support import watchdog
from tests.support.processes import PATIENCE, Process, answers, free_port
from tests.support.servers import ROOT, Command, Program, Server, environment, manage, migrate
from tests.support.services import Redis, ServiceFailed

One = TypeVar("One", bound=Process)
OF_EACH = 2
LIMITS_OFF = (
    "FRAMES_PER_SECOND",
    "REQUESTS_AT_ONCE",
    "SOCKETS_OPENED_PER_MINUTE",
    "MESSAGES_PER_MINUTE",
    "EDITS_PER_MINUTE",
    "DELETES_PER_MINUTE",
    "REACTIONS_PER_MINUTE",
    "PAGES_PER_MINUTE",
    "READS_PER_MINUTE",
    "CHANGES_PER_MINUTE",
)
SETTINGS: dict[str, str | int] = {
    "MESSAGE_BUS": "kafka",
    "RELAY_IN_WEB": "false",
    "WAIT_FOR_SERVICES_SECONDS": 120,
    **{f"LIMIT_{name}": 0 for name in LIMITS_OFF},
}


class Lines(Program):
    """bench.chaos.lines as a process; `ports`: of each line's near end, by name."""

    name = "lines"

    def __init__(self, targets: dict[str, int]) -> None:
        super().__init__(dict(os.environ))
        self.targets = targets
        self.ports = {name: free_port() for name in targets}

    def command(self) -> list[str]:
        given = [f"{name}:{self.ports[name]}:{target}" for name, target in self.targets.items()]
        return [sys.executable, "-m", "bench.chaos.lines", str(self.port), *given]

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PYTHONPATH": str(ROOT)}

    def is_ready(self) -> bool:
        return answers(self.port, b'{"name": "redis"}\n', b"ok")

    def become(self, name: str, **how: Any) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10 * PATIENCE) as peer:
            peer.sendall(json.dumps({"name": name, **how}).encode() + b"\n")
            assert peer.recv(8) == b"ok\n"


class System:
    def __init__(self) -> None:
        self._closing = ExitStack()
        self.postgres = self._own(PostgresOnItsDisk())
        self.redis = self._own(Redis())
        self.kafka = self._own(KafkaOnItsDisk())
        self.services: dict[str, Process] = {
            "postgres": self.postgres,
            "redis": self.redis,
            "kafka": self.kafka,
        }
        self.lines = self._own(Lines({name: one.port for name, one in self.services.items()}))
        self.kafka.advertised = self.lines.ports["kafka"]
        self.brokers = f"127.0.0.1:{self.kafka.advertised}"
        self.webs: list[Server] = []
        self.relays: list[Command] = []
        self.consumers: list[Command] = []

    def _own(self, process: One) -> One:
        self._closing.callback(process.close)
        return process

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            closing.callback(self._closing.close)
            for service in (*self.services.values(), self.lines):
                service.start()
            self._start_chat()
            closing.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    def _start_chat(self) -> None:
        self.direct_url = self.postgres.new_database("chaos")
        migrate(self.direct_url)
        database, redis = self._by_line(self.direct_url, "postgres"), self.redis.url
        redis = self._by_line(redis, "redis")
        settings = SETTINGS | {"KAFKA_BROKERS": self.brokers}
        self.env = environment(database, redis, **settings)
        done = manage("kafka_topics", "--ensure", env=self.env)
        if done.returncode:
            raise ServiceFailed(f"kafka_topics failed:\n{done.stdout}{done.stderr}")
        for _ in range(OF_EACH):
            self.webs.append(self._own(Server(database, redis, **settings)))
            self.relays.append(self._own(self._command("run_outbox_relay", "relay: brokers")))
            self.consumers.append(self._own(self.new_consumer()))
        for process in self.programs().values():
            process.start()

    def _by_line(self, url: str, name: str) -> str:
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition(":")[0]
        return urlunsplit(parts._replace(netloc=f"{netloc}:{self.lines.ports[name]}"))

    def _command(self, name: str, started_by: str) -> Command:
        return Command(name, env=self.env, started_by=started_by)

    def new_consumer(self) -> Command:
        return self._command("run_kafka_consumer", "webchat-group")

    def programs(self) -> dict[str, Program]:
        """The chat's own processes."""
        groups: dict[str, Sequence[Program]] = {
            "web": self.webs,
            "relay": self.relays,
            "consumer": self.consumers,
        }
        return {
            f"{name} {number}": process
            for name, group in groups.items()
            for number, process in enumerate(group, 1)
        }

    def memory(self) -> dict[str, int]:
        """Resident megabytes of each process, with its children."""
        processes: dict[str, Process] = {**self.programs(), **self.services}
        del processes["postgres"]  # its processes share most of theirs
        return {name: megabytes(one) for name, one in processes.items() if one.pid}


def megabytes(process: Process) -> int:
    assert process.pid is not None
    pages = 0
    for pid in watchdog.family(process.pid):
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue  # gone in between
    return pages * resource.getpagesize() // 2**20
