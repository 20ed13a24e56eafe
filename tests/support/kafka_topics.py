"""What tests change of a real Kafka's topics."""

from __future__ import annotations

from collections.abc import Collection

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.structs import TopicPartition

from tests.support.processes import wait_until


def limit_records(brokers: str, topic: str, bytes_at_most: int) -> None:
    """From now on the topic takes no larger batch of records."""
    admin = KafkaAdminClient(bootstrap_servers=[brokers])
    wanted = {"max.message.bytes": str(bytes_at_most)}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, wanted)])
    admin.close()


def remove_records(brokers: str, topic: str, partition: int, before: int) -> None:
    """As retention does: what is older than this offset is gone."""
    admin = KafkaAdminClient(bootstrap_servers=[brokers])
    try:
        admin.delete_records({TopicPartition(topic, partition): before}, timeout_ms=10_000)
    finally:
        admin.close()


def remove_topics(brokers: str, topics: Collection[str]) -> None:
    """With what groups have committed of them."""
    admin = KafkaAdminClient(bootstrap_servers=[brokers])
    try:
        there = set(topics) & set(admin.list_topics())
        if there:
            admin.delete_topics(sorted(there))
        wait_until(lambda: not set(topics) & set(admin.list_topics()), seconds=20)
    finally:
        admin.close()
