from __future__ import annotations

from collections.abc import Iterator

import pytest

from messaging.bus.configuration import dead_letter_topic
from messaging.contract.schemas import topics
from tests.support.kafka_topics import remove_topics
from tests.support.needs import absent
from tests.support.pipe import Pipe
from tests.support.services import Kafka, Postgres, ServiceMissing

PRODUCT_TOPICS = [name for topic in topics() for name in (topic, dead_letter_topic(topic))]


@pytest.fixture
def pipe(postgres_url: str, kafka) -> Iterator[Pipe]:
    """On the run's own services, which nobody may stop."""
    pipe = Pipe(postgres_url, kafka.brokers)
    yield pipe
    pipe.close()


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[Kafka]:
    """To be stopped and frozen."""
    try:
        with Kafka() as kafka:
            yield kafka
    except ServiceMissing as error:
        absent(str(error))


@pytest.fixture(scope="session")
def _kafka_of_this_worker() -> Iterator[Kafka]:
    try:
        with Kafka() as kafka:
            yield kafka
    except ServiceMissing as error:
        absent(str(error))


@pytest.fixture
def kafka_without_topics(_kafka_of_this_worker: Kafka) -> Kafka:
    """For tests of the whole product, whose topics and groups are always called the same: nothing
    of another test is on it, and no other test's consumer shares its partitions."""
    remove_topics(_kafka_of_this_worker.brokers, PRODUCT_TOPICS)
    return _kafka_of_this_worker


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    try:
        with Postgres() as postgres:
            yield postgres
    except ServiceMissing as error:
        absent(str(error))


@pytest.fixture
def breakable(own_kafka: Kafka, own_postgres: Postgres) -> Iterator[Pipe]:
    """A pipe on services that a test may stop; they run again when it ends."""
    pipe = Pipe(own_postgres.new_database(), own_kafka.brokers)
    yield pipe
    own_kafka.thaw()
    own_kafka.start()
    own_postgres.start()
    pipe.close()
