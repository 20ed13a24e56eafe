"""Commands that are started before PostgreSQL and Kafka go on when these come."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from messaging.management.exits import AWAY, ERROR, INTERRUPTED
from tests.support.processes import wait_until
from tests.support.servers import Command, environment, manage, migrate
from tests.support.services import Kafka, Postgres

WAITING = "Waiting for up to 300 s."
# Each to its end, on the embedded bus.
WORK = [
    ["migrate", "--verbosity", "0"],
    ["seed_demo"],
    ["prune"],
    ["reconcile"],
    ["audit_verify"],
    ["kafka_replay", "--all"],
    ["kafka_status", "--wait", "300"],
    ["dead_letters", "--wait", "300", "list"],
]

Start = Callable[..., Command]


@pytest.fixture
def database(own_postgres: Postgres) -> Iterator[str]:
    """Migrated; and its PostgreSQL has not been started."""
    own_postgres.start()
    url = own_postgres.new_database()
    migrate(url)
    own_postgres.stop()
    yield url
    own_postgres.start()


@pytest.fixture
def start(database: str, redis_url: str) -> Iterator[Start]:
    """`start("prune", …)`: has said that it waits."""
    with ExitStack() as started:

        def run(*arguments: str, **variables: str) -> Command:
            env = environment(database, redis_url, WAIT_FOR_SERVICES_SECONDS=300, **variables)
            command = Command(*arguments, env=env, started_by=WAITING)
            return started.enter_context(command)

        yield run


class TestStartedBeforePostgres:
    @pytest.mark.parametrize("arguments", WORK, ids=lambda arguments: arguments[0])
    def test_work_is_done_as_soon_as_it_comes(
        self, own_postgres: Postgres, start: Start, arguments: list[str]
    ):
        command = start(*arguments)
        own_postgres.start()
        assert command.exit_code() == 0
        words = command.log_end()
        assert "PostgreSQL answers after" in words
        assert "Traceback" not in words

    @pytest.mark.parametrize(
        ("what", "without_kafka", "with_kafka"),
        [
            ("run_outbox_relay", "events wait in the outbox", ""),
            ("run_kafka_consumer", "Kafka does not answer", "Kafka answers after"),
        ],
    )
    def test_and_before_kafka_it_works_once_both_have_come(
        self,
        own_postgres: Postgres,
        own_kafka: Kafka,
        start: Start,
        what: str,
        without_kafka: str,
        with_kafka: str,
    ):
        own_kafka.stop()
        command = start(what, KAFKA_BROKERS=own_kafka.brokers, MESSAGE_BUS="kafka")
        own_postgres.start()
        wait_until(lambda: without_kafka in command.log.read_text(), seconds=60)
        own_kafka.start()
        wait_until(lambda: with_kafka in command.log.read_text(), seconds=60)
        command.terminate()
        # 130 where its loop has not begun.
        assert command.exit_code() in {0, INTERRUPTED}
        assert "Traceback" not in command.log.read_text()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    @pytest.mark.parametrize("what", ["run_outbox_relay", "prune"])
    def test_may_be_told_to_stop(self, start: Start, what: str, number: int):
        bus = "kafka" if what == "run_outbox_relay" else "embedded"
        command = start(what, MESSAGE_BUS=bus)
        command.process.send_signal(number)
        assert command.exit_code(seconds=5) == INTERRUPTED
        assert "Traceback" not in command.log_end()


class TestWhatDoesNotCome:
    def test_is_told_with_69_and_what_to_do(self, database: str):
        done = manage("prune", "--wait", "1", env=environment(database))
        assert done.returncode == AWAY
        assert "docker compose up -d postgres" in done.stderr
        assert "Traceback" not in done.stderr

    def test_is_not_waited_for_by_who_only_wants_to_see(self, database: str):
        done = manage("kafka_status", env=environment(database))
        assert done.returncode == AWAY
        assert "Waiting" not in done.stderr

    def test_because_it_is_not_there_is_told_at_once(self, own_postgres: Postgres, database: str):
        own_postgres.start()
        done = manage("prune", env=environment(f"{database}_of_nobody"))
        assert done.returncode == ERROR
        assert "does not exist. Correct DATABASE_URL." in done.stderr
