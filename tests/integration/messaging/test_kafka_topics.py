"""`manage.py kafka_topics`: what it makes, says and returns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from messaging.bus.configuration import all_topics, close_adapter
from messaging.bus.memory_adapter import InMemoryAdapter, InMemoryBroker
from messaging.errors import ConfigurationError
from messaging.management import waiting
from messaging.management.commands import kafka_topics
from tests.support.services import KafkaServer
from webchat.environment import Environment

pytestmark = pytest.mark.embedded


@pytest.fixture(autouse=True)
def _kafka_settings(settings: Any) -> Iterator[None]:
    settings.MESSAGE_BUS = "kafka"
    settings.KAFKA = Environment({"KAFKA_TOPIC_PARTITIONS": "4"}).kafka()
    yield
    close_adapter()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> InMemoryBroker:
    """A bus without a Kafka, for what the command itself does."""
    broker = InMemoryBroker()
    monkeypatch.setattr(kafka_topics, "get_adapter", lambda: InMemoryAdapter(broker=broker))
    return broker


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("kafka_topics", *arguments, stdout=out)
    return out.getvalue()


class TestEnsure:
    def test_makes_what_is_missing_as_the_settings_say(self, broker: InMemoryBroker) -> None:
        broker.make_topic("chat-messages", 4)
        rows = json.loads(run("--ensure", "--json"))["topics"]
        assert {row["topic"] for row in rows} == set(all_topics())
        assert {row["partitions"] for row in rows} == {4}
        assert {row["topic"]: row["made"] for row in rows}["chat-messages"] is False
        assert sum(row["made"] for row in rows) == len(all_topics()) - 1

    def test_changes_nothing_the_second_time(self, broker: InMemoryBroker) -> None:
        run("--ensure")
        rows = json.loads(run("--ensure", "--json"))["topics"]
        assert not any(row["made"] for row in rows)

    def test_leaves_other_partitions_as_they_are_and_says_so(
        self, broker: InMemoryBroker, capsys: pytest.CaptureFixture[str]
    ) -> None:
        broker.make_topic("chat-messages", 2)
        run("--ensure")
        assert len(broker.topics["chat-messages"]) == 2
        assert "chat-messages has 2 partitions" in capsys.readouterr().err

    def test_works_on_a_real_kafka(self, kafka: KafkaServer, settings: Any) -> None:
        settings.KAFKA = Environment({"KAFKA_BROKERS": kafka.brokers}).kafka()
        run("--ensure")
        close_adapter()
        answer = json.loads(run("--describe", "--json"))
        assert {row["topic"] for row in answer["topics"]} == set(all_topics())
        assert {row["replication"] for row in answer["topics"]} == {1}
        assert answer["missing"] == []


class TestDescribe:
    def test_is_a_table_for_people(self, broker: InMemoryBroker) -> None:
        run("--ensure")
        lines = run("--describe").splitlines()
        assert lines[0].split() == ["topic", "partitions", "replication"]
        assert ["chat-messages", "4", "1"] in [line.split() for line in lines]
        assert len({len(line) for line in lines}) == 1

    def test_makes_nothing_and_fails_when_something_is_missing(
        self, broker: InMemoryBroker
    ) -> None:
        broker.make_topic("chat-messages", 4)
        with pytest.raises(CommandError, match="kafka_topics --ensure") as caught:
            run("--describe")
        assert caught.value.returncode == 1
        assert list(broker.topics) == ["chat-messages"]


class TestExitCodes:
    def test_is_two_without_an_action_and_with_an_embedded_bus(self, settings: Any) -> None:
        with pytest.raises(CommandError):
            run()
        settings.MESSAGE_BUS = "embedded"
        with pytest.raises(CommandError, match="embedded") as caught:
            run("--ensure")
        assert caught.value.returncode == 2

    def test_is_sixty_nine_with_a_next_step_when_kafka_is_away(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.KAFKA = Environment({"KAFKA_BROKERS": "127.0.0.1:1"}).kafka()
        monkeypatch.setattr(waiting, "LOOK_SECONDS", 1.0)
        with pytest.raises(CommandError, match="docker compose up -d kafka") as caught:
            run("--ensure", "--wait", "0")
        assert caught.value.returncode == 69

    def test_is_one_when_kafka_refuses(
        self, broker: InMemoryBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise ConfigurationError("no right")

        monkeypatch.setattr(InMemoryAdapter, "ensure_topics", refuse)
        with pytest.raises(CommandError, match="no right") as caught:
            run("--ensure")
        assert caught.value.returncode == 1
