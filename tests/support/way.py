"""The whole way as processes: a chat that people are connected to, Kafka, and its consumers."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.support.servers import Command, Server, environment, manage


class Way:
    """One web process, Kafka, and consumers that come and go."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        brokers: str,
        *,
        server: type[Server] = Server,
        **settings: Any,
    ) -> None:
        self.settings: dict[str, Any] = {
            "KAFKA_BROKERS": brokers,
            "MESSAGE_BUS": "kafka",
            "LIMIT_FRAMES_PER_SECOND": 0,
            "LIMIT_SOCKETS_OPENED_PER_MINUTE": 0,
            "LIMIT_MESSAGES_PER_MINUTE": 0,
            **settings,
        }
        self.brokers = brokers
        self.database_url = database_url
        self.env = environment(database_url, redis_url, **self.settings)
        self.server = server(database_url, redis_url, **self.settings)
        self.consumers: list[Command] = []
        done = manage("kafka_topics", "--ensure", env=self.env)
        assert done.returncode == 0, done.stderr

    def start_consumer(self) -> Command:
        consumer = Command("run_kafka_consumer", env=self.env, started_by="webchat-group")
        self.consumers.append(consumer)
        consumer.start()
        return consumer

    def value(self, query: str) -> Any:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return row[0]

    def count_handled(self) -> int:
        """Of the messages; their statuses have some of their own."""
        return int(
            self.value("SELECT count(*) FROM messaging_receipt WHERE topic = 'chat-messages'")
        )

    def waiting(self) -> int:
        return int(self.value("SELECT count(*) FROM messaging_outboxevent WHERE status = 0"))

    def event_ids(self) -> set[str]:
        """Other tests have used the same broker."""
        with psycopg.connect(self.database_url) as connection:
            found = connection.execute("SELECT event_id FROM messaging_outboxevent").fetchall()
        return {str(event_id) for (event_id,) in found}

    def close(self) -> None:
        for consumer in self.consumers:
            consumer.close()
        self.server.close()
