"""Makes the topics of the project, or says how they are."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from messaging.bus.adapter import TopicDescription
from messaging.bus.base_adapter import BusAdapter
from messaging.bus.configuration import all_topics, close_adapter, get_adapter
from messaging.errors import ConfigurationError, PermanentError, RetryableError
from messaging.management.exits import AWAY, ERROR, brokers, fail, kafka_is_away, require_kafka, say
from messaging.management.waiting import add_wait, wait_for_kafka


class Command(BaseCommand):
    help = (
        "Creates missing topics (with KAFKA_TOPIC_PARTITIONS and KAFKA_TOPIC_REPLICATION), or"
        " describes them. Existing topics are never changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--ensure", action="store_true", help="create missing topics")
        what.add_argument("--describe", action="store_true", help="change nothing")
        parser.add_argument("--json", action="store_true", help="JSON to stdout")
        add_wait(parser)

    def handle(self, **options: Any) -> None:
        require_kafka("kafka_topics")
        adapter = get_adapter()
        try:
            wait_for_kafka(adapter, options["wait"])
            made = self._ensure(adapter) if options["ensure"] else []
            described = adapter.describe_topics(all_topics())
        except (ConfigurationError, PermanentError) as error:
            fail(ERROR, f"Kafka at {brokers()} refuses: {error}")
        except RetryableError:
            fail(AWAY, kafka_is_away())
        finally:
            close_adapter()
        self._show(described, made, as_json=options["json"])
        self._judge(described)

    def _ensure(self, adapter: BusAdapter) -> list[str]:
        return adapter.ensure_topics(
            all_topics(),
            partitions=settings.KAFKA.topic_partitions,
            replication=settings.KAFKA.topic_replication,
        )

    def _show(self, described: list[TopicDescription], made: list[str], *, as_json: bool) -> None:
        rows = [
            {
                "topic": topic.topic,
                "partitions": topic.partitions,
                "replication": topic.replication,
                "made": topic.topic in made,
            }
            for topic in sorted(described, key=lambda topic: topic.topic)
        ]
        if as_json:
            self.stdout.write(json.dumps({"topics": rows, "missing": _missing(described)}))
            return
        width = max(map(len, ["topic", *all_topics()]))
        self.stdout.write(f"{'topic':<{width}}  partitions  replication")
        for row in rows:
            note = "  created" if row["made"] else ""
            self.stdout.write(
                f"{row['topic']:<{width}}  {row['partitions']:>10}  {row['replication']:>11}{note}"
            )

    def _judge(self, described: list[TopicDescription]) -> None:
        wanted = settings.KAFKA.topic_partitions
        for topic in described:
            if topic.partitions != wanted:
                say(
                    f"{topic.topic} has {topic.partitions} partitions, KAFKA_TOPIC_PARTITIONS is"
                    f" {wanted}. It is left as it is: with a different number the messages of a"
                    " chat would lose their order."
                )
        if missing := _missing(described):
            fail(
                ERROR,
                f"Missing: {', '.join(missing)}. Create them with: manage.py kafka_topics --ensure",
            )


def _missing(described: list[TopicDescription]) -> list[str]:
    there = {topic.topic for topic in described}
    return [topic for topic in all_topics() if topic not in there]
