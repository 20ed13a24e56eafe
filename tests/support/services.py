"""A real PostgreSQL, Redis and Kafka for tests, each on a free port in a temporary folder.

    with Redis() as redis:
        ... redis.url ... redis.freeze() ... redis.thaw() ... redis.kill() ... redis.start()

Programs come from the machine; installing them is script/test's work; Docker is the last resort.
The run's shared ones are fixtures (tests.conftest); secure_kafka.py has passwords and TLS.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import struct
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests.support import kafka_jars
from tests.support.containers import Container
from tests.support.processes import (
    Process,
    ServiceFailed,
    ServiceMissing,
    answers,
    free_port,
    wait_until,
)

__all__ = [
    "Kafka",
    "KafkaServer",
    "Postgres",
    "PostgresServer",
    "Process",
    "Redis",
    "RedisServer",
    "ServiceFailed",
    "ServiceMissing",
    "free_port",
    "wait_until",
]


class PostgresServer:
    """`url` is a DATABASE_URL; `new_database()` gives another one on the same server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def new_database(self, name: str | None = None, *, template: str = "template0") -> str:
        """Makes a database and returns its DATABASE_URL."""
        name = name or f"webchat_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        return with_path(self.url, name)

    def drop_database(self, url: str) -> None:
        """Drops it with whoever is still connected."""
        name = urlsplit(url).path.lstrip("/")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def make_read_only(self, url: str) -> None:
        """As after a failover or on a full disk, for this database: whoever is connected is cut
        off, and all sessions that begin from now on only read, for as long as they last."""
        name = urlsplit(url).path.lstrip("/")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(
                    sql.Identifier(name)
                )
            )
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    def make_writable(self, url: str) -> None:
        """For sessions that begin from now on: whoever keeps an older one goes on to only read."""
        name = urlsplit(url).path.lstrip("/")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(
                    sql.Identifier(name)
                )
            )


class RedisServer:
    """`url` is a REDIS_URL; `database(n)` another one on the same server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def database(self, number: int) -> str:
        return with_path(self.url, str(number))


class KafkaServer:
    """`brokers` is what KAFKA_BROKERS takes."""

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers


class Postgres(Process, PostgresServer):
    """PostgreSQL of this machine."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": ends connections instead of waiting for them
    environment_name = "TEST_POSTGRES_URL"

    def __init__(self, *, owner: int | None = None) -> None:
        Process.__init__(self, owner=owner)
        try:
            self.programs = self.find()
        except ServiceMissing as lack:
            trust = {"POSTGRES_HOST_AUTH_METHOD": "trust"}
            image = Container(self.folder.name, "postgres:17", self.port, 5432, trust)
            self.use_container_or_raise(lack, image)
        PostgresServer.__init__(self, f"postgres://postgres@127.0.0.1:{self.port}/postgres")

    @property
    def address(self) -> str:
        return self.url

    @staticmethod
    def find() -> Path:
        """The folder of the newest PostgreSQL server on this machine."""
        folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
        if on_path := shutil.which("postgres"):
            folders.append(Path(on_path).resolve().parent)
        if not folders:
            raise ServiceMissing("PostgreSQL is not on this machine.", "postgresql")
        return max(folders, key=lambda folder: (folder.parent.name.isdigit(), folder.parent.name))

    def system_user(self) -> str | None:
        return other_than_root("PostgreSQL", "postgresql")

    def prepare(self) -> None:
        self.run_once(
            [
                *(self.programs / "initdb", "-D", "data", "-U", "postgres"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            ]
        )

    def command(self) -> Sequence[str | Path]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            # Tests kill the program, never the machine: nothing is lost by not waiting for a disk.
            # (synchronous_commit stays on: what is not yet written dies with the program.)
            "fsync": "off",
            "full_page_writes": "off",
        }
        switches = [part for item in options.items() for part in ("-c", "=".join(item))]
        return [self.programs / "postgres", "-D", "data", *switches]

    def is_ready(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False


def other_than_root(service: str, package: str) -> str | None:
    """Whom to run a service as that refuses root; None: whoever runs the tests."""
    if os.getuid() != 0:
        return None
    for user in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(user).pw_name
    raise ServiceMissing(f"{service} refuses root; its user is missing.", package)


class Redis(Process, RedisServer):
    """Redis of this machine, databases 0 to 63. Nothing in it survives a restart."""

    name = "redis"
    environment_name = "TEST_REDIS_URL"

    def __init__(self, *, owner: int | None = None) -> None:
        Process.__init__(self, owner=owner)
        try:
            self.program = self.find()
        except ServiceMissing as lack:
            image = Container(self.folder.name, "redis:7", self.port, 6379)
            self.use_container_or_raise(lack, image)
        RedisServer.__init__(self, f"redis://127.0.0.1:{self.port}/0")

    @property
    def address(self) -> str:
        return self.url

    @staticmethod
    def find() -> str:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if not program:
            raise ServiceMissing("Redis is not on this machine.", "redis-server")
        return program

    def command(self) -> Sequence[str | Path]:
        return [
            *(self.program, "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--appendonly", "no", "--databases", "64"),
        ]

    def is_ready(self) -> bool:
        return answers(self.port, b"PING\r\n", b"+PONG")


class Kafka(Process, KafkaServer):
    """One broker in KRaft mode, without passwords."""

    name = "kafka"
    environment_name = "TEST_KAFKA_BROKERS"
    heap = "512m"
    cluster_id = "webchat-tests-cluster0"

    def __init__(self, *, owner: int | None = None) -> None:
        Process.__init__(self, owner=owner)
        KafkaServer.__init__(self, f"127.0.0.1:{self.port}")
        self.controller_port = free_port()
        try:
            self.java, self.jars = self.find(), kafka_jars.jars()
        except ServiceMissing as lack:
            self.use_container_or_raise(lack, self.image())

    @property
    def address(self) -> str:
        return self.brokers

    @staticmethod
    def find() -> str:
        """A Java to run it on. The jars are fetched when a broker is first wanted."""
        kafka_jars.check_jars_can_be_had()
        return kafka_jars.java()

    def properties(self) -> dict[str, str | int]:
        """server.properties. One node: every internal topic has one replica."""
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": f"PLAINTEXT://{self.brokers},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.brokers}",
            "log.dirs": str(self.folder / "data"),
            "num.partitions": 3,
            "auto.create.topics.enable": "true",
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            # A killed broker may register again only when its old session has run out.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "log.cleaner.dedupe.buffer.size": 4_194_304,
        }

    def image(self) -> Container:
        """The image takes `a.b` as KAFKA_A_B, and listens on all addresses of its container."""
        inside = self.properties() | {
            "listeners": f"PLAINTEXT://:{self.port},CONTROLLER://:{self.controller_port}",
            "log.dirs": "/var/lib/kafka/data",
        }
        variables = {
            f"KAFKA_{name.replace('.', '_').upper()}": str(value) for name, value in inside.items()
        }
        name = f"apache/kafka:{kafka_jars.KAFKA_VERSION}"
        return Container(self.folder.name, name, self.port, self.port, variables)

    def format_options(self) -> list[str]:
        return []

    def java_command(self, main: str, *arguments: str) -> list[str]:
        return [
            *(self.java, f"-Xmx{self.heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{self.jars}/*", main),
            *arguments,
        ]

    def prepare(self) -> None:
        lines = [f"{name}={value}" for name, value in self.properties().items()]
        (self.folder / "server.properties").write_text("\n".join(lines) + "\n")
        cluster = ["-t", self.cluster_id, "-c", "server.properties"]
        self.run_once(
            self.java_command("kafka.tools.StorageTool", "format", *cluster, *self.format_options())
        )

    def command(self) -> Sequence[str | Path]:
        return self.java_command("kafka.Kafka", "server.properties")

    def is_ready(self) -> bool:
        return speaks_kafka(self.port)


def speaks_kafka(port: int) -> bool:
    """Whether a broker answers ApiVersions: it does so once it is ready to serve."""
    correlation = 0x7765
    question = struct.pack(">hhih", 18, 0, correlation, -1)
    framed = struct.pack(">i", len(question)) + question
    # The answer's length comes first: four bytes, the two upper ones zero.
    return answers(port, framed, b"\0\0")


def with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
