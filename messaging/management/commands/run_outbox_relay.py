"""Takes the outbox to Kafka in a process of its own, until it is told to stop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from messaging.bus.configuration import close_adapter, get_adapter
from messaging.errors import ConfigurationError, RetryableError
from messaging.handling.heartbeat import Heartbeat
from messaging.management.arguments import positive, seconds
from messaging.management.exits import (
    brokers,
    ended_by_signals,
    kafka_is_away,
    require_kafka,
    say,
    stopped_by_signals,
)
from messaging.management.waiting import add_wait, require_database
from messaging.outbox.metrics import serve_relay
from messaging.outbox.relay import BATCH_SIZE, SWEEP_SECONDS, Relay
from messaging.outbox.relay_share import make_share
from messaging.outbox.target import KafkaTarget
from messaging.outbox.unknown import Guard


class Command(BaseCommand):
    help = (
        "Publishes the events waiting in the outbox. Several share the chats among them."
        " SIGTERM or Ctrl+C finishes the batch; a second one stops at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--batch-size", type=positive, default=BATCH_SIZE, help="rows per batch (%(default)s)"
        )
        parser.add_argument(
            "--sweep-seconds",
            type=seconds,
            default=SWEEP_SECONDS,
            help="check at least this often, even when nothing woke it (%(default)s)",
        )
        parser.add_argument(
            "--metrics-port", type=positive, help="serve Prometheus metrics on this port"
        )
        parser.add_argument("--heartbeat-file", default="", help="touched while the loop runs")
        add_wait(parser)

    def handle(self, **options: Any) -> None:
        require_kafka("run_outbox_relay")
        require_database(options["wait"])
        with ended_by_signals():
            say(f"Webchat {settings.VERSION}, relay: brokers {brokers()}.")
            self._look_for_kafka()
            self._run(options)
        say("Done.")

    def _run(self, options: dict[str, Any]) -> None:
        heartbeat = Heartbeat(options["heartbeat_file"])
        adapter = get_adapter()
        relay = Relay(
            KafkaTarget(adapter, Guard(adapter)),
            make_share(),
            batch_size=options["batch_size"],
            sweep_seconds=options["sweep_seconds"],
            on_turn=heartbeat.beat,
        )
        close_metrics = serve_relay(relay, port) if (port := options["metrics_port"]) else None
        try:
            with stopped_by_signals(relay.stop):
                relay.run()
        finally:
            heartbeat.remove()
            if close_metrics:
                close_metrics()
            close_adapter()

    def _look_for_kafka(self) -> None:
        """It runs on without: events wait in the outbox. But whoever starts it is told."""
        try:
            get_adapter().ping()
        except ConfigurationError as error:
            say(f"Kafka at {brokers()} refuses: {error} Events wait in the outbox.")
        except RetryableError:
            say(f"{kafka_is_away()}. Until then events wait in the outbox.")
