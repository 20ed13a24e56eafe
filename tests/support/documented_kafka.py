"""A broker that is set up with what docs/operations.md says, word for word.

    with DocumentedKafka() as kafka:
        kafka.webchat          # the environment of Webchat's processes
        kafka.run("…")         # a line of shell, as an operator would type it

Only the host name, the ports and the folder are others than in the document.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Final

from tests.support import kafka_jars
from tests.support.processes import PATIENCE, ServiceFailed, ServiceMissing, free_port
from tests.support.services import Kafka

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
SECTION: Final = "### The brokers' side"
BLOCK: Final = re.compile(
    r"^```(?:sh|properties)\n# ([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
TOOLS: Final = {
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-configs.sh": "org.apache.kafka.tools.ConfigCommand",
}
# What the document leaves to whoever runs the cluster.
OWN: Final = (
    *("node.id", "log.dirs", "offsets.topic", "transaction.state", "share.coordinator"),
    *("group.initial", "broker.session", "broker.heartbeat", "log.cleaner"),
)


def blocks() -> dict[str, str]:
    """The document's blocks of that section, by the first words of their first line."""
    text = DOCUMENT.read_text().split(SECTION)[1].split("\n## ")[0]
    return {title.split(",")[0]: body for title, body in BLOCK.findall(text)}


class DocumentedKafka(Kafka):
    name = "documented-kafka"

    def __init__(self, *, owner: int | None = None) -> None:
        super().__init__(owner=owner)
        if self.container:
            self.close()
            raise ServiceMissing("ACLs need Kafka's own tools.", "default-jre-headless")
        self.broker_port = free_port()
        self.brokers = f"localhost:{self.port}"
        self._blocks = {title: self._here(body) for title, body in blocks().items()}

    @property
    def webchat(self) -> dict[str, str]:
        lines = self._blocks["the environment of Webchat's processes"].splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def topics_command(self) -> str:
        return self._blocks["topics"]

    @property
    def rights(self) -> list[str]:
        """The lines that give a right."""
        return [line for line in self._setting_up().splitlines() if "kafka-acls.sh" in line]

    def take_away(self, line: str, *, topic: str) -> None:
        """What this line gives for one topic."""
        self.run(f"{self._where()}\n{_only(line, topic).replace('--add', '--remove')}")

    def give_back(self, line: str, *, topic: str) -> None:
        self.run(f"{self._where()}\n{_only(line, topic)}")

    def run(self, lines: str, *, env: dict[str, str] | None = None) -> str:
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-e", "-c", lines],
            cwd=self.folder,
            env={**(os.environ if env is None else env), "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120 * PATIENCE,
            check=False,
        )
        if done.returncode:
            raise ServiceFailed(f"{lines}\n{done.stdout}")
        return done.stdout

    def properties(self) -> dict[str, str | int]:
        own = {k: v for k, v in super().properties().items() if k.startswith(OWN)}
        given = self._blocks["/etc/kafka/server.properties"].splitlines()
        return {
            **own,
            "controller.quorum.voters": f"1@localhost:{self.controller_port}",
            **dict(line.split("=", 1) for line in given),
        }

    def prepare(self) -> None:
        self._write_tools()
        lines = [f"{name}={value}" for name, value in self.properties().items()]
        (self.folder / "server.properties").write_text("\n".join(lines) + "\n")
        admin = self._blocks["/etc/kafka/admin.properties"]
        (self.folder / "admin.properties").write_text(admin)
        self.run(self._blocks["certificates"])
        self.run(self._blocks["a new cluster"])

    def start(self) -> DocumentedKafka:
        is_first = not (self.folder / ".prepared").exists()
        super().start()
        if is_first:
            self.run(self._setting_up())
        return self

    def is_ready(self) -> bool:
        """It listens; the tools wait for the rest."""
        try:
            socket.create_connection(("localhost", self.port), timeout=2).close()
        except OSError:
            return False
        return True

    def _setting_up(self) -> str:
        return self._blocks["users and rights"]

    def _where(self) -> str:
        return self._setting_up().splitlines()[0]

    def _here(self, text: str) -> str:
        for theirs, ours in (
            ("kafka-1.example.org:9092", self.brokers),
            ("kafka-1.example.org:9093", f"localhost:{self.broker_port}"),
            ("kafka-1.example.org:9094", f"localhost:{self.controller_port}"),
            ("kafka-1.example.org", "localhost"),
            ("/etc/kafka", str(self.folder)),
        ):
            text = text.replace(theirs, ours)
        return text

    def _write_tools(self) -> None:
        folder = self.folder / "bin"
        folder.mkdir()
        tools = kafka_jars.tools_jars()
        programs = {name: (tools, main) for name, main in TOOLS.items()}
        programs["kafka-storage.sh"] = (self.jars, "kafka.tools.StorageTool")
        for name, (jars, main) in programs.items():
            options = "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
            script = folder / name
            script.write_text(
                f"#!/bin/sh\nexec {self.java} {options} -cp '{jars}/*' {main} \"$@\"\n"
            )
            script.chmod(0o755)


def _only(line: str, topic: str) -> str:
    return re.sub(r"--topic (\S+)", lambda found: found[0] if found[1] == topic else "", line)
