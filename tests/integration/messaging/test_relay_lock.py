from __future__ import annotations

import threading
import time

import psycopg
import pytest
from django.db import connection

from messaging.errors import RetryableError
from messaging.models import OutboxEvent
from messaging.outbox.relay import Relay
from messaging.outbox.relay_lock import Alarm, FileLock, PostgresLock, make_lock
from messaging.outbox.target import KafkaTarget
from tests.support.bus_parts import message_event, record
from tests.support.processes import DEADLINE, PATIENCE
from tests.support.services import wait_until


class TestFileLock:
    def test_is_held_by_one_and_falls_free_when_released(self, tmp_path):
        first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
        assert first.acquire()
        assert first.acquire()
        assert not second.acquire()
        first.release()
        assert second.acquire()
        second.release()

    def test_says_so_when_it_is_not_held(self, tmp_path):
        with pytest.raises(RetryableError):
            FileLock(tmp_path / "lock").confirm()

    @pytest.mark.django_db
    def test_fits_the_database_in_use(self):
        expected = PostgresLock if connection.vendor == "postgresql" else FileLock
        assert isinstance(make_lock(), expected)


@pytest.fixture
def locks(postgres_url):
    made: list[PostgresLock] = []

    def make() -> PostgresLock:
        made.append(PostgresLock(lambda: psycopg.connect(postgres_url, autocommit=True)))
        return made[-1]

    yield make
    for lock in made:
        lock.release()


class TestPostgresLock:
    def test_is_held_by_one_and_falls_free_with_its_connection(self, locks, postgres_url):
        first, second = locks(), locks()
        assert first.acquire()
        assert not second.acquire()
        with psycopg.connect(postgres_url, autocommit=True) as other:
            end_lock_holders(other)
        wait_until(second.acquire, seconds=5)
        with pytest.raises(RetryableError, match="away"):
            first.confirm()
        assert not first.acquire()

    def test_wakes_from_a_commit_elsewhere(self, locks, postgres_url):
        lock, alarm = locks(), Alarm()
        lock.acquire()
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("NOTIFY webchat_outbox")
        before = time.monotonic()
        lock.wait(alarm, 60)
        assert time.monotonic() - before < 5 * PATIENCE
        alarm.close()

    def test_wakes_when_the_notice_came_with_another_answer(self, locks, postgres_url):
        lock, alarm = locks(), Alarm()
        lock.acquire()
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("NOTIFY webchat_outbox")
        lock.confirm()
        before = time.monotonic()
        lock.wait(alarm, 60)
        assert time.monotonic() - before < 5 * PATIENCE
        alarm.close()

    def test_wakes_from_the_alarm(self, locks):
        lock, alarm = locks(), Alarm()
        lock.acquire()
        threading.Timer(0.05, alarm.ring).start()
        before = time.monotonic()
        lock.wait(alarm, 60)
        assert time.monotonic() - before < 5 * PATIENCE
        alarm.close()

    def test_says_when_the_server_ends_the_connection_in_a_wait(self, locks, postgres_url):
        lock, alarm = locks(), Alarm()
        lock.acquire()
        with psycopg.connect(postgres_url, autocommit=True) as other:
            end_lock_holders(other)
        with pytest.raises(RetryableError):
            lock.wait(alarm, 60)
            lock.confirm()
        alarm.close()

    def test_says_when_the_server_cannot_be_reached(self):
        lock = PostgresLock(lambda: psycopg.connect("postgres://127.0.0.1:1/none"))
        with pytest.raises(RetryableError):
            lock.acquire()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
class TestRelayOnPostgres:
    @pytest.fixture
    def relay(self, adapter):
        relay = Relay(KafkaTarget(adapter), PostgresLock(), sweep_seconds=600)
        thread = threading.Thread(target=relay.run)
        thread.start()
        yield relay
        relay.stop()
        thread.join(DEADLINE)
        assert not thread.is_alive()

    def test_is_woken_by_notify_alone(self, relay):
        wait_until(lambda: relay.has_lock, seconds=5)
        record(message_event(1, 1))
        wait_until(lambda: not OutboxEvent.objects.waiting().exists(), seconds=5)

    def test_goes_on_when_its_connections_are_ended(self, relay):
        wait_until(lambda: relay.has_lock, seconds=5)
        with psycopg.connect(database_url(), autocommit=True) as other:
            end_lock_holders(other)
        record(message_event(1, 1))
        wait_until(lambda: not OutboxEvent.objects.waiting().exists(), seconds=10)


def end_lock_holders(other: psycopg.Connection) -> None:
    other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )


def database_url() -> str:
    at = connection.get_connection_params()
    return f"postgres://{at['user']}@{at['host']}:{at['port']}/{at['dbname']}"
