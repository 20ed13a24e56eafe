"""A real Kafka and PostgreSQL of their own under the project's settings, for measuring the pipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.services import Kafka, Postgres

PARTITIONS = 6


@contextmanager
def real_bus() -> Iterator[None]:
    """Inside, Django is set up and migrated. Must come before any import of models."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        kafka = stack.enter_context(Kafka())
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "webchat.settings",
            "SECRET_KEY": "for-measuring-only-for-measuring-only-for-measuring-only",
            "DATABASE_URL": postgres.new_database("bench"),
            "KAFKA_BROKERS": kafka.brokers,
            "MESSAGE_BUS": "kafka",
            "LOG_LEVEL": "WARNING",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, skip_checks=True)
        from messaging.bus.configuration import all_topics, close_adapter, get_adapter

        adapter = get_adapter()
        adapter.ensure_topics(all_topics(), partitions=PARTITIONS, replication=1)
        try:
            yield
        finally:
            close_adapter()
            from django.db import connections

            connections.close_all()
