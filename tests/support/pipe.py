"""The pipe as processes: writers, relays and consumers on a real PostgreSQL and a real Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import psycopg

from messaging.bus.configuration import dead_letter_topic
from messaging.bus.kafka.adapter import KafkaAdapter
from messaging.contract.records import OutgoingRecord, Record
from tests.support import loopback, stack
from tests.support.bus_parts import first_arrivals
from tests.support.kafka_topics import limit_records
from tests.support.processes import PATIENCE, Process, wait_until

ROOT = Path(__file__).resolve().parents[2]
HANDLERS = ("first", "second")


class Worker(Process):
    """A relay or a consumer in a process of its own."""

    name = "worker"
    start_seconds = 60.0

    def __init__(self, arguments: Sequence[str], environment: dict[str, str]) -> None:
        super().__init__()
        self._arguments = list(arguments)
        self._environment = environment

    def command(self) -> Sequence[str | Path]:
        return [sys.executable, "-m", "tests.support.pipe_worker", *self._arguments]

    def environment(self) -> dict[str, str]:
        return self._environment

    def is_ready(self) -> bool:
        return self.log.exists() and "Webchat" in self.log.read_text()

    def exit_code(self, *, seconds: float = 30) -> int:
        """Waits for its end."""
        assert self._popen is not None
        return self._popen.wait(seconds * PATIENCE)

    def signal(self, number: int) -> None:
        assert self._popen is not None
        self._popen.send_signal(number)


class Pipe:
    """One topic and one group of their own. Asserts nothing; tells what is there."""

    def __init__(self, database_url: str, brokers: str) -> None:
        self.database_url = database_url
        self.brokers = brokers
        self.topic = f"messages-{uuid.uuid4().hex[:8]}"
        self.group = f"group-{uuid.uuid4().hex[:8]}"
        self.workers: list[Worker] = []
        self.log_level = "INFO"
        self.adapter = KafkaAdapter(brokers=[brokers])
        topics = [self.topic, dead_letter_topic(self.topic)]
        self.adapter.ensure_topics(topics, partitions=6, replication=1)
        self.run("migrate", "--verbosity", "0")
        with self.database() as database:
            database.execute(
                "CREATE TABLE test_effect (id bigserial, handler varchar(50), chat varchar(50),"
                " seq integer, event_id varchar(36))"
            )
            database.execute("CREATE TABLE test_fault (chat text, seq integer, error text)")

    def database(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            self.database_url, autocommit=True, connect_timeout=int(5 * PATIENCE)
        )

    def environment(self, *, dies_at: str = "") -> dict[str, str]:
        return stack.without_ours(os.environ) | {
            **stack.SETTINGS,
            "PYTHONPATH": loopback.python_path(ROOT),
            "DATABASE_URL": self.database_url,
            "KAFKA_BROKERS": self.brokers,
            "MESSAGE_BUS": "kafka",
            "LOG_FORMAT": "text",
            "LOG_LEVEL": self.log_level,
            "TEST_TOPIC": self.topic,
            "TEST_GROUP": self.group,
            "TEST_DIES_AT": dies_at,
        }

    def run(self, *arguments: str, seconds: float = 60) -> str:
        """A worker to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.pipe_worker", *arguments],
            env=self.environment(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def write(self, *, chats: int, first: int = 1, last: int) -> float:
        """Messages first to last of every chat; how long the slowest transaction took."""
        return float(self.run("write", str(chats), str(first), str(last)).split()[-1])

    def relay(self, *options: str, dies_at: str = "") -> Worker:
        return self._start(["relay", *options], dies_at)

    def consumer(self, *options: str, dies_at: str = "") -> Worker:
        return self._start(["consumer", *options], dies_at)

    def _start(self, arguments: Sequence[str], dies_at: str) -> Worker:
        worker = Worker(arguments, self.environment(dies_at=dies_at))
        self.workers.append(worker)
        return worker.start()

    def send(self, record: OutgoingRecord) -> None:
        """Past the outbox, as a stranger's producer would."""
        (result,) = self.adapter.publish_many([record])
        assert not isinstance(result, Exception), result

    def waiting(self) -> int:
        return int(self.value("SELECT count(*) FROM messaging_outboxevent WHERE status = 0"))

    def shares(self) -> list[int]:
        """Of how many shards each relay has said that it works for them."""
        with self.database() as database:
            rows = database.execute("SELECT shards FROM messaging_relaystate ORDER BY shards")
            return [shards for (shards,) in rows.fetchall()]

    def dead_letters(self) -> list[tuple[str, str]]:
        with self.database() as database:
            rows = database.execute(
                "SELECT handler, error_class FROM messaging_deadletter ORDER BY id"
            )
            return list(rows.fetchall())

    def fault(self, chat: int | str, seq: int, error: str) -> None:
        with self.database() as database:
            database.execute("INSERT INTO test_fault VALUES (%s, %s, %s)", [str(chat), seq, error])

    def heal(self) -> None:
        with self.database() as database:
            database.execute("DELETE FROM test_fault")

    def effects(self) -> dict[str, list[int]]:
        """Of each chat the seqs that "first" wrote down, in the order in which it did."""
        with self.database() as database:
            rows = database.execute(
                "SELECT chat, seq FROM test_effect WHERE handler = 'first' ORDER BY id"
            )
            found: dict[str, list[int]] = defaultdict(list)
            for chat, seq in rows.fetchall():
                found[chat].append(seq)
            return dict(found)

    def repeated_effects(self) -> int:
        return int(
            self.value(
                "SELECT count(*) FROM (SELECT 1 FROM test_effect"
                " GROUP BY handler, chat, seq HAVING count(*) > 1) AS r"
            )
        )

    def count_effects(self) -> int:
        return int(self.value("SELECT count(*) FROM test_effect"))

    def value(self, query: str) -> Any:
        with self.database() as database:
            row = database.execute(query).fetchone()
            return row and row[0]

    def lag(self) -> int:
        lags = self.adapter.lag(group_id=self.group, topics=[self.topic])
        return sum(lag.records for lag in lags)

    def records(self, topic: str | None = None) -> list[Record]:
        """All of the topic, from the beginning."""
        name = topic or self.topic
        ends = self.adapter.lag(group_id=f"none-{uuid.uuid4().hex}", topics=[name])
        total = sum(part.end_offset for part in ends)
        source = self.adapter.open_source(group_id=f"look-{uuid.uuid4().hex}", topics=[name])
        found: list[Record] = []
        try:
            wait_until(
                lambda: len(self._more(source, found)) >= total,
                seconds=60,
                what=f"{total} records of {name}",
            )
        finally:
            source.close()
        return found

    def _more(self, source: Any, found: list[Record]) -> list[Record]:
        found += source.poll(max_records=5000, timeout_seconds=0.5)
        return found

    def arrivals(self) -> dict[str, list[int]]:
        """Each chat's seqs as they stand on the topic, repeats of an event left out."""
        return first_arrivals(
            (
                dict(record.headers)["event-id"].decode(),
                (record.key or b"").decode(),
                orjson.loads(record.value or b"")["seq"],
            )
            for record in self.records()
        )

    def dead_topic(self) -> list[Record]:
        return self.records(dead_letter_topic(self.topic))

    def limit_dead_letters(self, *, bytes_at_most: int) -> None:
        """What the dead-letter topic takes from now on."""
        limit_records(self.brokers, dead_letter_topic(self.topic), bytes_at_most)

    def close(self) -> None:
        for worker in self.workers:
            print(worker.log_end(60))  # noqa: T201  pytest shows it when the test has failed
            worker.kill()
            worker.close()
        self.adapter.close(timeout_seconds=2)
