"""PgBouncer between the chat and PostgreSQL: in session mode all works, otherwise it is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support import needs
from tests.support.crowd import Crowd, Member, make_rooms
from tests.support.pgbouncer import PgBouncer
from tests.support.processes import ServiceMissing, wait_until
from tests.support.servers import environment, manage, mark_migrated, start_server
from tests.support.services import Kafka
from tests.support.way import Way

LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}

StartPooler = Callable[..., PgBouncer]


@pytest.fixture
def start_pooler(migrated_postgres_url: str) -> Iterator[StartPooler]:
    made: list[PgBouncer] = []

    def start(pool_mode: str, **options: str) -> PgBouncer:
        try:
            made.append(PgBouncer(migrated_postgres_url, pool_mode=pool_mode, **options))
        except ServiceMissing as error:
            needs.absent(str(error))
        return made[-1].start()

    yield start
    for pooler in made:
        pooler.close()


def give_limits_to_role(database_url: str) -> None:
    """In this database alone."""
    with psycopg.connect(database_url) as connection:
        name = sql.Identifier(connection.info.dbname)
        for limit, value in LIMITS.items():
            of_role = "ALTER ROLE postgres IN DATABASE {} SET {} = {}"
            connection.execute(
                sql.SQL(of_role).format(name, sql.Identifier(limit), sql.Literal(value))
            )


class TestTransactionMode:
    @pytest.mark.parametrize("mode", ["transaction", "statement"])
    def test_is_refused_with_the_way_out(
        self, start_pooler: StartPooler, migrated_postgres_url: str, mode: str
    ) -> None:
        pooler = start_pooler(mode)
        env = environment(pooler.url_of(migrated_postgres_url))
        checked = manage("check", "--database", "default", env=env)
        assert checked.returncode == 1
        assert "messaging.E007" in checked.stderr
        assert "session mode" in checked.stderr
        begun = manage("prune", env=env)
        assert begun.returncode != 0
        assert "session mode" in begun.stderr

    def test_is_found_while_others_use_the_pool(
        self, start_pooler: StartPooler, migrated_postgres_url: str
    ) -> None:
        url = start_pooler("transaction").url_of(migrated_postgres_url)
        with psycopg.connect(url) as busy, psycopg.connect(url, autocommit=True) as idle:
            busy.execute("SELECT 1")  # its transaction stays open
            idle.execute("SELECT 1")
            assert manage("check", "--database", "default", env=environment(url)).returncode == 1

    def test_makes_a_web_process_not_ready_with_the_reason(
        self, start_pooler: StartPooler, migrated_postgres_url: str
    ) -> None:
        url = start_pooler("transaction").url_of(migrated_postgres_url)
        mark_migrated(url)
        with start_server(url) as server:
            status, text = server.read("/readyz")
        assert status == 503
        assert "session mode" in json.loads(text)["database"][0]


class TestPgBouncerAsItComes:
    def test_which_refuses_options_is_explained(
        self, start_pooler: StartPooler, migrated_postgres_url: str
    ) -> None:
        pooler = start_pooler("session", ignored="extra_float_digits")
        env = environment(pooler.url_of(migrated_postgres_url))
        checked = manage("check", "--database", "default", env=env)
        assert checked.returncode == 1
        assert "ignore_startup_parameters = options" in checked.stderr

    def test_which_drops_options_leaves_no_limits_and_is_told_so(
        self, start_pooler: StartPooler, migrated_postgres_url: str
    ) -> None:
        env = environment(start_pooler("session").url_of(migrated_postgres_url))
        checked = manage("check", "--database", "default", env=env)
        assert checked.returncode == 1
        assert "ALTER ROLE" in checked.stderr


class TestSessionMode:
    def test_carries_the_whole_way(
        self,
        start_pooler: StartPooler,
        migrated_postgres_url: str,
        redis_url: str,
        kafka_without_topics: Kafka,
    ) -> None:
        give_limits_to_role(migrated_postgres_url)
        url = start_pooler("session").url_of(migrated_postgres_url)
        env = environment(url, redis_url)
        checked = manage("check", "--database", "default", env=env)
        assert checked.returncode == 0, checked.stderr
        way = Way(url, redis_url, kafka_without_topics.brokers)
        try:
            way.server.start()
            way.start_consumer()
            rooms = make_rooms(url, rooms=5, size=4, url=way.server.ws_url)

            async def talk() -> Crowd:
                members = [Member(sign_in) for room in rooms for sign_in in room]
                async with Crowd(members) as crowd:
                    await crowd.talk(messages=200)
                    await crowd.everyone_has(40)
                    return crowd

            crowd = asyncio.run(talk())
            assert not any(member.errors for member in crowd.members)
            wait_until(lambda: not way.waiting(), seconds=60, what="an empty outbox")
            wait_until(lambda: way.count_handled() >= 200, seconds=60, what="handled events")
        finally:
            way.close()


class TestPostgreSQLItself:
    def test_passes(self, migrated_postgres_url: str) -> None:
        checked = manage("check", "--database", "default", env=environment(migrated_postgres_url))
        assert checked.returncode == 0, checked.stderr
