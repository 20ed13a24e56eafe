"""What tests change of a real Kafka's topics."""

from __future__ import annotations

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient


def limit_records(brokers: str, topic: str, bytes_at_most: int) -> None:
    """From now on the topic takes no larger batch of records."""
    admin = KafkaAdminClient(bootstrap_servers=[brokers])
    wanted = {"max.message.bytes": str(bytes_at_most)}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, wanted)])
    admin.close()
