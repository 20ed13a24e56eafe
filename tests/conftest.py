"""Fixtures for all tests: the stack under Django; a real PostgreSQL, Redis and Kafka on demand."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings

from messaging import outages
from tests.support import loopback, needs, servers, stack
from tests.support.services import (
    Kafka,
    KafkaServer,
    Postgres,
    PostgresServer,
    Redis,
    RedisServer,
    ServiceMissing,
)
from tests.support.sharing import Service, locked, shared


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    parser.addoption(
        "--stack",
        choices=stack.NAMES,
        default="embedded",
        help="embedded: Django on SQLite and memory; services: on PostgreSQL and Redis",
    )
    parser.addoption(
        "--quick", action="store_true", help="leaves out what is marked long (see script/test)"
    )
    # Settings are read when a test module imports a model, long before options are at hand: so the
    # one option that decides on them is read here. Workers inherit the answer.
    if "PYTEST_XDIST_WORKER" not in os.environ:
        config = pluginmanager.get_plugin("pytestconfig")
        assert isinstance(config, pytest.Config)
        given = parser.parse_known_args(config.invocation_params.args)
        os.environ["TEST_STACK"] = given.stack
    loopback.install()
    loopback.watch_processes()
    stack.prepare(os.environ["TEST_STACK"])
    django.setup()
    # Workers inherit the environment: with this name in it pytest-django would read the settings
    # before `prepare` has given the worker a Redis database of its own.
    del os.environ["DJANGO_SETTINGS_MODULE"]
    # It looks through all static files when it is made, and each test client makes its own. That
    # they are served is for the tests with a server of their own.
    settings.MIDDLEWARE.remove("servestatic.middleware.ServeStaticMiddleware")
    if given_redis := settings.CACHES["default"].get("OPTIONS"):
        # A frozen machine is no Redis that is away: tries would be counted in two places.
        given_redis.update(socket_timeout=30, socket_connect_timeout=30)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Also what a thread or a process tried, and whoever has swallowed the refusal."""
    try:
        return (yield)
    finally:
        if attempts := loopback.take_attempts():
            pytest.fail("Tests stay on this machine:\n" + "\n".join(attempts), pytrace=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is for the other stack is left out, not skipped: it has its own run."""
    name, quick = config.getoption("stack"), config.getoption("quick")
    other = "embedded" if name == "services" else "postgresql"
    left_out = [
        item
        for item in items
        if item.get_closest_marker(other) or (quick and is_long(item.iter_markers("long"), on=name))
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def is_long(marks: Iterable[pytest.Mark], *, on: str) -> bool:
    """By the marks named "long" of a test, for the run on this stack."""
    return any(mark.kwargs.get("on", on) == on for mark in marks)


def pytest_unconfigure() -> None:
    stack.stop()
    loopback.stop_watching()


def pytest_report_header(config: pytest.Config) -> str:
    return f"stack: {config.getoption('stack')}"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file: threads and a live server see the same database."""
    from django.db import connection

    if connection.vendor == "sqlite":
        file = tmp_path_factory.mktemp("database") / "webchat.sqlite3"
        connection.settings_dict["TEST"]["NAME"] = str(file)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Between tests all tables are emptied, also the one that refuses it everywhere else."""
    from tests.support import audit, emptying

    with django_db_blocker.unblock():
        audit.remove_guard()
        emptying.install()


@pytest.fixture(autouse=True)
def patience_with_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no picture that takes too long; its processor time is bounded as ever."""
    monkeypatch.setattr("chat.pictures.process.MAX_SECONDS", 120.0)


@pytest.fixture(autouse=True)
def no_outage_of_an_earlier_test() -> None:
    for outage in outages.ALL:
        outage.forget()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all workers of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def _address(service: type[Service], folder: Path) -> str:
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    try:
        return shared(service, folder=folder, owner=owner)
    except ServiceMissing as error:
        needs.absent(str(error))


@pytest.fixture(scope="session")
def postgres(run_folder: Path) -> PostgresServer:
    """The run's PostgreSQL. A test that stops or freezes one starts its own: `with Postgres()`."""
    return PostgresServer(_address(Postgres, run_folder))


@pytest.fixture(scope="session")
def redis(run_folder: Path) -> RedisServer:
    return RedisServer(_address(Redis, run_folder))


@pytest.fixture(scope="session")
def kafka(run_folder: Path) -> KafkaServer:
    return KafkaServer(_address(Kafka, run_folder))


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A DATABASE_URL of an empty database that is this test's alone."""
    url = postgres.new_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    """A REDIS_URL of an empty database that is this test's alone."""
    from redis import Redis as Client

    url = redis.database(2 * stack.worker() + 1)
    with Client.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def unique() -> Callable[[str], str]:
    """`unique("chat-messages")`: a topic or group name that no other test has."""
    return lambda name: f"{name}-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def migrated_postgres_url(postgres: PostgresServer, run_folder: Path) -> Iterator[str]:
    """A DATABASE_URL with all tables, this test's alone: a copy of what the run migrated once."""
    with locked(run_folder / "template.lock"):
        note = run_folder / "template.name"
        if not note.exists():
            name = f"webchat_template_{uuid.uuid4().hex[:8]}"
            servers.migrate(postgres.new_database(name))
            note.write_text(name)
    url = postgres.new_database(template=note.read_text())
    servers.mark_migrated(url)
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="session")
def new_sqlite_url(run_folder: Path) -> Callable[[Path], str]:
    """`new_sqlite_url(folder)`: the same on SQLite, in a file of this folder."""
    template = run_folder / "template.sqlite3"

    def copy(folder: Path) -> str:
        with locked(run_folder / "template-sqlite.lock"):
            if not template.exists():
                half = run_folder / "half.sqlite3"
                servers.migrate(f"sqlite:///{half}")
                half.rename(template)
        shutil.copy(template, folder / "webchat.sqlite3")
        url = f"sqlite:///{folder / 'webchat.sqlite3'}"
        servers.mark_migrated(url)
        return url

    return copy


@pytest.fixture
def migrated_sqlite_url(tmp_path: Path, new_sqlite_url: Callable[[Path], str]) -> str:
    return new_sqlite_url(tmp_path)
