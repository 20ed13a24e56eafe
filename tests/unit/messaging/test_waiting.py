"""Commands wait for what they need, tell so, and end with a code that says what was missing."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import CommandError, get_commands, load_command_class
from django.db import OperationalError, connection

from messaging.errors import ConfigurationError, RetryableError
from messaging.management import waiting
from messaging.management.waiting import Needed, wait_for, wait_for_kafka
from tests.support.people import Clock

pytestmark = pytest.mark.embedded

NEED_NOTHING = {"show_limits"}


class Service:
    """Answers from some second on; `looks` are how long each look might have taken."""

    def __init__(self, clock: Clock, there_at: float) -> None:
        self._clock, self._there_at = clock, there_at
        self.looks: list[float] = []

    def why_not(self, seconds: float) -> str | None:
        self.looks.append(seconds)
        return None if self._clock.now >= self._there_at else "It is away. Start it."


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wait(clock: Clock) -> Any:
    def run(seconds: float, *, there_at: float) -> Service:
        clock.now = 0.0
        service = Service(clock, there_at)

        def sleep(pause: float) -> None:
            clock.now += pause

        needed = Needed("The service", service.why_not)
        wait_for(needed, seconds, clock=lambda: clock.now, sleep=sleep)
        return service

    return run


class TestWaiting:
    def test_says_nothing_of_what_is_there(self, wait, capsys):
        assert len(wait(60, there_at=0).looks) == 1
        assert capsys.readouterr().err == ""

    def test_says_at_once_what_is_missing_then_from_time_to_time_then_that_it_came(
        self, wait, capsys
    ):
        wait(60, there_at=25)
        assert capsys.readouterr().err.splitlines() == [
            "It is away. Start it. Waiting for up to 60 s.",
            "Still waiting for The service: 10 of 60 s.",
            "Still waiting for The service: 20 of 60 s.",
            "The service answers after 25 s.",
        ]

    def test_ends_with_69_and_what_to_do_when_time_is_up(self, wait, clock):
        with pytest.raises(CommandError, match="It is away") as caught:
            wait(30, there_at=31)
        assert caught.value.returncode == 69
        assert clock.now == 30

    def test_looks_once_where_nobody_wants_to_wait(self, wait, clock, capsys):
        with pytest.raises(CommandError, match="It is away") as caught:
            wait(0, there_at=1)
        assert (caught.value.returncode, clock.now) == (69, 0)
        assert capsys.readouterr().err == ""

    def test_soon_says_what_is_missing_and_then_looks_longer_but_not_beyond_the_end(self, wait):
        first, second, *_, last = wait(60, there_at=58).looks
        assert (first, second) == (waiting.FIRST_LOOK_SECONDS, waiting.LOOK_SECONDS)
        assert last < 3


class TestKafka:
    class Adapter:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def ping(self, *, timeout_seconds: float) -> None:
            raise self.error

    def test_that_refuses_is_not_waited_for(self):
        with pytest.raises(CommandError, match="refuses: wrong password") as caught:
            wait_for_kafka(self.Adapter(ConfigurationError("wrong password")), 60)  # type: ignore[arg-type]
        assert caught.value.returncode == 1

    def test_that_is_away_says_why_in_its_own_words(self):
        with pytest.raises(CommandError, match="speaks no TLS there") as caught:
            wait_for_kafka(self.Adapter(RetryableError("It speaks no TLS there.")), 0)  # type: ignore[arg-type]
        assert caught.value.returncode == 69


class TestDatabase:
    @pytest.fixture
    def fail(self, monkeypatch):
        monkeypatch.setattr(connection, "vendor", "postgresql")

        def fail(words: str) -> None:
            def refuse() -> None:
                raise OperationalError(words)

            monkeypatch.setattr(connection, "cursor", refuse)

        return fail

    @pytest.mark.parametrize(
        ("words", "reason"),
        [
            (
                'connection failed: connection to server at "10.0.0.1", port 5432 failed:'
                " Connection refused\n\tIs the server running?",
                "(Connection refused)",
            ),
            ("connection timeout expired", "(connection timeout expired)"),
            (
                'connection to server at "h", port 1 failed: FATAL:  the database system is'
                " starting up",
                "(the database system is starting up)",
            ),
        ],
    )
    def test_that_is_away_says_why(self, fail, words, reason):
        fail(words)
        with pytest.raises(CommandError) as caught:
            waiting.wait_for_database(0)
        assert caught.value.returncode == 69
        assert reason in str(caught.value)
        assert "docker compose up -d postgres" in str(caught.value)

    @pytest.mark.parametrize(
        "refusal",
        [
            'FATAL:  password authentication failed for user "webchat"',
            'FATAL:  database "webchat" does not exist',
            'FATAL:  role "webchat" does not exist',
            'FATAL:  no pg_hba.conf entry for host "10.0.0.2", user "webchat"',
            "fe_sendauth: no password supplied",
            "server does not support SSL, but SSL was required",
        ],
    )
    def test_that_refuses_is_not_waited_for(self, fail, refusal):
        fail(f'connection failed: connection to server at "10.0.0.1", port 5432 failed: {refusal}')
        with pytest.raises(CommandError, match="refuses") as caught:
            waiting.wait_for_database(60)
        assert caught.value.returncode == 1


class TestCommands:
    def commands(self) -> dict[str, Any]:
        ours = {
            name: app
            for name, app in get_commands().items()
            if isinstance(app, str) and app in {"chat", "messaging"}
        }
        return {name: load_command_class(app, name) for name, app in ours.items()}

    def test_all_say_how_long_they_wait(self):
        for name, command in self.commands().items():
            parser = command.create_parser("manage.py", name)
            has_wait = any("--wait" in action.option_strings for action in parser._actions)
            assert has_wait is (name not in NEED_NOTHING), name

    def test_wait_where_they_work_and_not_where_they_only_show(self, settings):
        settings.WAIT_FOR_SERVICES_SECONDS = 7
        shown = {
            name
            for name, command in self.commands().items()
            if name not in NEED_NOTHING
            and command.create_parser("manage.py", name).get_default("wait") == 0
        }
        assert shown == {"dead_letters", "kafka_status", "trace_message"}
