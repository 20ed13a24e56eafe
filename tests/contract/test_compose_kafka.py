"""A real Kafka starts with what docker-compose.yml tells it: only the addresses differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer

from tests.support import needs
from tests.support.processes import PATIENCE
from tests.support.services import Kafka, ServiceMissing, free_port

ROOT = Path(__file__).resolve().parents[2]


class ComposeKafka(Kafka):
    name = "compose-kafka"

    def __init__(self) -> None:
        yaml = needs.module("yaml")
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        self.variables = compose["services"]["kafka"]["environment"]
        self.cluster_id = self.variables["CLUSTER_ID"]
        self.inside_port = free_port()
        super().__init__()

    def properties(self) -> dict[str, str | int]:
        """As the image makes them: KAFKA_A_B is a.b."""
        given: dict[str, str | int] = {
            name.removeprefix("KAFKA_").lower().replace("_", "."): self.here(str(value))
            for name, value in self.variables.items()
            if name.startswith("KAFKA_")
        }
        return given | {"log.dirs": str(self.folder / "data")}

    def here(self, value: str) -> str:
        for there, port in (
            ("29092", self.port),
            ("9092", self.inside_port),
            ("9093", self.controller_port),
        ):
            for host in ("kafka", "localhost", "0.0.0.0"):
                value = value.replace(f"{host}:{there}", f"127.0.0.1:{port}")
        return value


@pytest.fixture(scope="module")
def compose_kafka() -> Iterator[Kafka]:
    try:
        service = ComposeKafka()
    except ServiceMissing as error:
        needs.absent(str(error))
    with service:
        yield service


class TestComposeKafka:
    def test_takes_a_record_from_outside_into_a_topic_made_on_the_way(self, compose_kafka):
        producer = KafkaProducer(bootstrap_servers=compose_kafka.brokers)
        try:
            producer.send("chat-messages", b"hello").get(timeout=20 * PATIENCE)
            assert len(producer.partitions_for("chat-messages")) == 6
        finally:
            producer.close(timeout=5 * PATIENCE)

    def test_gives_it_to_a_group(self, compose_kafka):
        producer = KafkaProducer(bootstrap_servers=compose_kafka.brokers)
        producer.send("read-by-a-group", b"hello").get(timeout=20 * PATIENCE)
        producer.close(timeout=5 * PATIENCE)
        consumer = KafkaConsumer(
            "read-by-a-group",
            bootstrap_servers=compose_kafka.brokers,
            group_id="webchat-group",
            auto_offset_reset="earliest",
            consumer_timeout_ms=20_000,
        )
        try:
            assert next(consumer).value == b"hello"
            consumer.commit(timeout_ms=10_000)
        finally:
            consumer.close(timeout_ms=5_000)
