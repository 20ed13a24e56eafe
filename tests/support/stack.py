"""Decides on what the Django under test runs, before its settings are read.

`pytest` alone: SQLite in a file and the in-memory channel layer. `pytest --stack=services`: a real
PostgreSQL and a real Redis. The same tests run on both. Nothing of the caller's own environment
(a production DATABASE_URL, say) reaches the tests.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.services import Postgres, Redis, RedisServer, ServiceMissing

NAMES = ("embedded", "services")

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "tests.support.settings",
    "SECRET_KEY": "for-tests-only-for-tests-only-for-tests-only-for-tests-only",
    "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
    "MESSAGE_BUS": "embedded",
    "LOG_FORMAT": "text",
    "WAIT_FOR_SERVICES_SECONDS": "20",
}
OURS = {
    *SETTINGS,
    *(
        "DEBUG",
        "DATABASE_URL",
        "REDIS_URL",
        "ALLOWED_ORIGINS",
        "IS_DOCKER",
        "RELAY_IN_WEB",
        "STATIC_ROOT",
        "TRUSTED_PROXIES",
    ),
}
PREFIXES = ("CONNECTION_", "KAFKA_", "LIMIT_", "LOG_", "MEDIA_", "UPLOAD_", "WAIT_", "WEBHOOK_")

# Only the controlling process of a run fills it: workers get the addresses by the environment.
_running: list[Postgres | Redis] = []


def worker() -> int:
    """This process's number among the run's workers; 0 without workers."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def without_ours(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment without anything that the settings read."""
    return {
        name: value
        for name, value in variables.items()
        if name not in OURS and not name.startswith(PREFIXES)
    }


def prepare(name: str) -> None:
    """Sets the environment that the settings read."""
    kept = without_ours(os.environ)
    for variable in os.environ.keys() - kept.keys():
        del os.environ[variable]
    os.environ.update(SETTINGS)
    if name == "services":
        use_services()
    else:
        # Never written to: the test database is a file of its own (see tests.conftest).
        unused = Path(tempfile.gettempdir()) / "webchat-tests-unused.sqlite3"
        os.environ["DATABASE_URL"] = f"sqlite:///{unused}"


def use_services() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ["TEST_POSTGRES_URL"] = address_of(Postgres)
        os.environ["TEST_REDIS_URL"] = address_of(Redis)
    os.environ["DATABASE_URL"] = os.environ["TEST_POSTGRES_URL"]
    redis = RedisServer(os.environ["TEST_REDIS_URL"])
    os.environ["REDIS_URL"] = redis.database(2 * worker())


def address_of(service: type[Postgres | Redis]) -> str:
    if given := os.environ.get(service.environment_name):
        return given
    try:
        started = service().start()
    except ServiceMissing as error:
        raise pytest.UsageError(f"--stack=services: {error}") from error
    _running.append(started)
    return started.url


def stop() -> None:
    while _running:
        _running.pop().close()
