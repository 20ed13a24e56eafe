"""The table of handlers: complete in every process, and a row that is missing is found."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from django.core.checks import CheckMessage, run_checks

from chat.handlers import HANDLERS
from messaging.contract.schemas import topics
from messaging.handling.registry import MAIN_GROUP, Handler, Registry, registry
from tests.support.servers import ROOT, environment

# Topic, group and handler: handled events, dead letters and replays know handlers by these names.
CONTRACT = [
    ("audit-events", "webchat-group", "audit"),
    ("audit-events", "webchat-group", "notifications"),
    ("chat-messages", "webchat-group", "activity"),
    ("chat-messages", "webchat-group", "audit"),
    ("chat-messages", "webchat-group", "heads"),
    ("chat-messages", "webchat-group", "notifications"),
    ("chat-messages", "webchat-group", "statuses"),
    ("chat-messages", "webchat-webhooks", "webhooks"),
    ("message-delivery-status", "webchat-group", "cursors"),
]
ABOUT_HANDLERS = {"chat.E002", "chat.E003", "chat.E004"}


def test_a_fresh_process_has_all_of_them():
    program = (
        "import json, django; django.setup()\n"
        "from messaging.handling.registry import registry\n"
        "print(json.dumps(sorted([h.topic, h.group, h.name] for h in registry)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment("sqlite:///:memory:", "") | {"DJANGO_SETTINGS_MODULE": "webchat.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [tuple(row) for row in json.loads(done.stdout)] == CONTRACT


def test_this_process_has_the_table():
    assert list(registry) == list(HANDLERS)


class TestRegistry:
    def test_takes_no_second_handler_of_a_name(self):
        with pytest.raises(ValueError, match="already has a handler 'heads' for chat-messages"):
            Registry(HANDLERS).add(replace(HANDLERS[0], function=print))

    def test_a_name_may_have_several_topics_and_groups(self):
        again = [replace(h, group="others") for h in HANDLERS if h.name == "audit"]
        found = Registry([*HANDLERS, *again])
        assert found.topics_of("audit", "others") == ["audit-events", "chat-messages"]

    def test_says_how_what_was_made_is_made_once_more(self):
        found = Registry(HANDLERS)
        assert found.find_projection("audit", MAIN_GROUP) is not None
        assert found.find_projection("heads", MAIN_GROUP) is None
        assert found.find_projection("audit", "others") is None


@pytest.mark.embedded
class TestCheck:
    @pytest.fixture
    def found(self, monkeypatch):
        def look(*handlers: Handler) -> list[CheckMessage]:
            monkeypatch.setattr("chat.checks.registry", Registry(handlers))
            return [
                m for m in run_checks(tags=["chat"]) if m.id in {f"chat.E00{n}" for n in (2, 3, 4)}
            ]

        return look

    def test_finds_nothing_wrong_with_the_table(self, found):
        assert found(*HANDLERS) == []

    @pytest.mark.parametrize("missing", HANDLERS, ids=lambda h: f"{h.topic}-{h.name}")
    def test_finds_a_row_that_is_missing(self, found, missing):
        messages = found(*(handler for handler in HANDLERS if handler != missing))
        (forgotten,) = [m for m in messages if m.id == "chat.E004"]
        assert (
            f"{missing.function.__module__}.{missing.function.__name__} is never" in forgotten.msg
        )
        assert "HANDLERS" in (forgotten.hint or "")

    @pytest.mark.parametrize("topic", topics())
    def test_finds_a_topic_without_any(self, found, topic):
        messages = found(*(handler for handler in HANDLERS if handler.topic != topic))
        (unhandled,) = [m for m in messages if m.id == "chat.E002"]
        assert topic in unhandled.msg

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"event_types": frozenset({"message.creatd"})}, "message.creatd, which never appears"),
            ({"topic": "chat-mesages"}, "anything, which never appears on chat-mesages"),
        ],
    )
    def test_finds_events_that_never_come(self, found, wrong, said):
        messages = found(*HANDLERS, replace(HANDLERS[0], name="other", **wrong))
        (unknown,) = [m for m in messages if m.id == "chat.E003"]
        assert said in unknown.msg
