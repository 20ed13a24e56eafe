"""What a web process says of an outage: a line when it begins, a line when it is over."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.needs import absent
from tests.support.processes import Process, wait_until
from tests.support.servers import Server, start_server
from tests.support.services import Postgres, Redis, ServiceMissing

STRICT = "/readyz?exclude=bus"


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    try:
        with Redis() as redis:
            yield redis
    except ServiceMissing as error:
        absent(str(error))


@pytest.fixture
def server(own_postgres: Postgres, own_redis: Redis) -> Iterator[Server]:
    url = own_postgres.new_database()
    with start_server(url, own_redis.url) as server:
        wait_until(lambda: server.status_of(STRICT) == 200, seconds=30)
        yield server
        print(server.log_end(60))  # noqa: T201  pytest shows it when the test has failed
    own_postgres.start()


def loud_lines(server: Server) -> list[str]:
    lines = server.log.read_text().splitlines()
    return [line for line in lines if " WARNING " in line or " ERROR " in line]


class TestAnOutage:
    @pytest.mark.parametrize("what", ["The database", "Redis"])
    def test_is_two_lines_whoever_asks_meanwhile(
        self, server: Server, own_postgres: Postgres, own_redis: Redis, what: str
    ):
        service: Process = own_redis if what == "Redis" else own_postgres
        service.kill()
        wait_until(lambda: server.status_of(STRICT) == 503, seconds=60, what="it is not ready")
        wait_until(lambda: loud_lines(server) != [], seconds=60, what="the first line")
        asked_until = time.monotonic() + 5
        while time.monotonic() < asked_until:
            assert server.status_of(STRICT) == 503
            assert server.status_of("/livez") == 200
            server.status_of("/sign-in")
            server.status_of("/sign-up")
        service.start()
        wait_until(lambda: server.status_of(STRICT) == 200, seconds=60, what="it is ready")
        wait_until(lambda: len(loud_lines(server)) == 2, seconds=60, what="the last line")
        began, over = loud_lines(server)
        assert f"{what} is unavailable: " in began
        assert f"{what} is available again" in over
        assert "failures=" in over
        assert "Traceback" not in server.log.read_text()
