"""Which topics the brokers give us to read, asked over a client's own connections."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

import kafka.errors as kafka_errors
from kafka import KafkaConsumer
from kafka.admin import ACLOperation
from kafka.protocol.metadata import MetadataRequest

from messaging.bus.kafka.connection import NOT_ALLOWED, NOT_THERE, Connection
from messaging.errors import MessagingError, TopicLackingError

logger = logging.getLogger(__name__)

ASK_SECONDS = 5.0
AGAIN_SECONDS = 10.0  # how soon a topic that has come or gone is noticed
NOT_READABLE = "may not be read (ACL READ)"

WORDS = {
    kafka_errors.TopicAuthorizationFailedError: NOT_ALLOWED,
    kafka_errors.UnknownTopicOrPartitionError: NOT_THERE,
    kafka_errors.InvalidTopicError: "has a name that Kafka does not take",
}


def ask_for_lacking(client: Any, topics: Sequence[str]) -> dict[str, str]:
    """Of a consumer or an admin client: topics that it cannot read, each with why.

    Raises kafka-python's errors.
    """
    question = MetadataRequest(
        topics=[MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics],
        allow_auto_topic_creation=False,
        include_cluster_authorized_operations=False,
        include_topic_authorized_operations=True,
    )
    manager = client._manager
    answer = manager.run(manager.send, question, None, ASK_SECONDS * 1000).to_dict()
    found = {topic["name"]: _why_not(topic) for topic in answer["topics"]}
    return {topic: why for topic, why in found.items() if why}


def _why_not(topic: dict[str, Any]) -> str:
    """Empty where it can be read, or will be when its brokers are back."""
    error = kafka_errors.for_code(topic["error_code"])
    if error is not kafka_errors.NoError:
        return WORDS.get(error, "")
    return "" if ACLOperation.READ in topic["authorized_operations"] else NOT_READABLE


class TopicWatch:
    """What a consumer wants to read, and which of that it is not given."""

    def __init__(
        self, connection: Connection, consumer: KafkaConsumer, topics: Sequence[str]
    ) -> None:
        self._connection = connection
        self._consumer = consumer
        self._topics = list(topics)
        self._next_at = 0.0
        self.lacking: dict[str, str] = {}

    def given(self) -> list[str]:
        """Raises TopicLackingError when it is none."""
        given = [topic for topic in self._topics if topic not in self.lacking]
        if not given:
            raise TopicLackingError(", ".join(self.lacking), next(iter(self.lacking.values())))
        return given

    def ask(self) -> None:
        """Raises MessagingError when the brokers do not answer."""
        self._next_at = time.monotonic() + AGAIN_SECONDS
        before, self.lacking = (
            self.lacking,
            self._connection.run(
                f"topics of {id(self)}",
                lambda: ask_for_lacking(self._consumer, self._topics),
                timeout_seconds=ASK_SECONDS + 1,
            ),
        )
        if len(self.lacking) == len(self._topics):
            return  # `given` raises it
        for topic, why in self.lacking.items():
            if before.get(topic) != why:
                logger.warning("Topic %s %s: it is not read", topic, why, extra={"topic": topic})
        for topic in before.keys() - self.lacking.keys():
            logger.info("Topic %s can be read again", topic, extra={"topic": topic})

    def hurry(self) -> None:
        """Something was refused: the next `has_changed` asks."""
        self._next_at = 0.0

    def has_changed(self, *, is_due: bool = False) -> bool:
        """Asks from time to time, or now; True when other topics are given than before."""
        if not is_due and time.monotonic() < self._next_at:
            return False
        before = self.lacking.keys()
        try:
            self.ask()
        except MessagingError:
            return False  # that the brokers are away shows elsewhere
        return self.lacking.keys() != before
