from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from messaging.away import DatabaseAwayError
from messaging.bus.adapter import PartitionLag
from messaging.contract.records import TopicPartition
from messaging.errors import ConfigurationError
from messaging.handling.registry import MAIN_GROUP, Handler, Registry
from messaging.management.commands.kafka_status import as_table
from messaging.models import (
    ConsumerState,
    DeadLetter,
    HandledEvent,
    LostRecords,
    OutboxEvent,
    RelayState,
)
from messaging.operating import status
from messaging.operating.processes import Unattended
from messaging.operating.status import (
    bus_problems,
    bus_warnings,
    consumer_problems,
    problems_of,
    read_figures,
    stuck_of,
    warnings_of,
    with_kafka,
)
from tests.support.bus_parts import STATUS_TOPIC, TOPIC, message_event, record, record_chats
from tests.support.people import message_events

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def see_relay(
    *,
    breaker: str = "closed",
    seconds_ago: float = 0,
    pid: int = 1,
    shards: int = 16,
    last_error: str | None = None,
) -> None:
    now = timezone.now()
    RelayState.objects.create(
        name=f"outbox {pid}",
        bus="kafka",
        host="h",
        pid=pid,
        shards=shards,
        breaker=breaker,
        last_error=last_error or ("RetryableError: away" if breaker == "open" else ""),
        started_at=now,
        seen_at=now - timedelta(seconds=seconds_ago),
    )


def see_consumer(
    *,
    lacking: str = "",
    seconds_ago: float = 0,
    pid: int = 1,
    partitions: int = 6,
    stopped: bool = False,
) -> None:
    now = timezone.now()
    ConsumerState.objects.create(
        name=f"consumer {pid}",
        group=MAIN_GROUP,
        host="h",
        pid=pid,
        partitions=partitions,
        lacking=lacking,
        started_at=now,
        seen_at=now - timedelta(seconds=seconds_ago),
        stopped_at=now - timedelta(seconds=seconds_ago) if stopped else None,
    )


def lose(*, first: int, end: int) -> None:
    LostRecords.objects.create(
        group=MAIN_GROUP, topic=TOPIC, partition=0, first_offset=first, end_offset=end
    )


def handler(group: str, *, topic: str = TOPIC, **options: Any) -> Handler:
    return Handler(topic=topic, name="a", group=group, function=lambda events: None, **options)


def make_old() -> None:
    OutboxEvent.objects.update(created_at=timezone.now() - timedelta(minutes=5))


def letter(**fields: object) -> DeadLetter:
    defaults = {
        "topic": TOPIC,
        "partition": 0,
        "offset": DeadLetter.objects.count(),
        "group": "webchat-group",
        "handler": "audit",
        "error_class": "ValueError",
        "error_message": "no such colour",
        "record_key": b"1",
        "value": b"secret words",
        "event_id": uuid4(),
    }
    return DeadLetter.objects.create(**defaults | fields)


class TestProblems:
    def test_are_none_when_all_is_well(self):
        see_relay()
        record_chats(1, 2)
        figures = read_figures()
        assert (figures.outbox_waiting, problems_of(figures), warnings_of(figures)) == (2, [], [])

    def test_name_what_waits_and_that_nobody_works(self):
        record(message_event(1, 1))
        make_old()
        waiting, relay = problems_of(read_figures())
        assert waiting.startswith("1 events wait in the outbox, the oldest for 30")
        assert "no relay works" in relay

    def test_name_an_open_breaker_and_why(self):
        see_relay(breaker="open")
        (problem,) = problems_of(read_figures())
        assert "breaker open" in problem
        assert "RetryableError: away" in problem

    def test_name_an_open_breaker_of_any_relay(self):
        see_relay(pid=1, breaker="open", seconds_ago=3)
        see_relay(pid=2)
        (problem,) = problems_of(read_figures())
        assert "breaker open" in problem

    def test_name_a_group_that_is_behind(self, adapter, registry: Registry):
        registry.add(Handler(topic=TOPIC, name="a", group="slow", function=lambda events: None))
        adapter.publish(TOPIC, message_event(1, 1).payload)
        figures = with_kafka(read_figures(), adapter, registry)
        assert figures.groups[0].lag_records == 1
        assert problems_of(figures) == []

    def test_name_a_bus_that_does_not_answer(self, adapter, broker, registry):
        broker.set_available(False)
        figures = with_kafka(read_figures(), adapter, registry)
        assert "Kafka does not answer" in problems_of(figures)[0]

    def test_dead_letters_are_for_a_person_not_for_a_load_balancer(self):
        letter()
        figures = read_figures()
        assert problems_of(figures) == []
        assert warnings_of(figures) == ["1 dead letters: manage.py dead_letters list"]

    def test_name_a_refusal_as_one(self, adapter, registry, monkeypatch):
        def refuse(**_options: object) -> None:
            raise ConfigurationError("Kafka refused to sign us in.")

        monkeypatch.setattr(adapter, "ping", refuse)
        figures = with_kafka(read_figures(), adapter, registry)
        assert problems_of(figures) == [
            "Kafka refuses: ConfigurationError: Kafka refused to sign us in."
        ]

    def test_name_the_group_that_may_not_be_seen_and_show_the_others(
        self, adapter, broker, registry, monkeypatch
    ):
        registry.add(*(handler(group) for group in ("seen", "hidden")))
        adapter.publish(TOPIC, message_event(1, 1).payload)
        lag_of = adapter.lag

        def refuse(*, group_id: str, topics: list[str]) -> list[PartitionLag]:
            if group_id == "hidden":
                raise ConfigurationError("Kafka does not allow us the consumer group.")
            return lag_of(group_id=group_id, topics=topics)

        monkeypatch.setattr(adapter, "lag", refuse)
        figures = with_kafka(read_figures(), adapter, registry)
        assert {group.group: group.lag_records for group in figures.groups} == {
            "hidden": 0,
            "seen": 1,
        }
        (problem,) = problems_of(figures)
        assert problem.startswith("group hidden cannot be seen: ConfigurationError: Kafka does")

    def test_name_a_topic_that_is_missing_and_show_the_others(self, adapter, broker, registry):
        registry.add(handler("slow"), handler("slow", topic=STATUS_TOPIC))
        adapter.publish(TOPIC, message_event(1, 1).payload)
        figures = with_kafka(read_figures(), adapter, registry)
        assert figures.groups[0].lag_records == 1
        (problem,) = problems_of(figures)
        assert problem.startswith(f"topic {STATUS_TOPIC} does not exist")

    def test_name_what_a_running_consumer_is_not_given(self):
        see_consumer(lacking=f"{TOPIC} does not exist")
        see_consumer(pid=2, lacking=f"{TOPIC} does not exist")
        see_consumer(pid=3, lacking="other is not allowed", seconds_ago=60)
        figures = read_figures()
        assert problems_of(figures) == [
            f"group webchat-group is not given topic {TOPIC} does not exist"
        ]
        assert consumer_problems(figures) == bus_problems()

    def test_name_no_member_without_partitions(self):
        see_consumer(partitions=0)
        assert problems_of(read_figures()) == []

    def test_name_what_a_group_lost_until_it_is_settled(self):
        lose(first=3, end=8)
        lose(first=10, end=11)
        figures = read_figures()
        (problem,) = problems_of(figures)
        assert f"6 records of {TOPIC} were removed before group webchat-group" in problem
        assert "manage.py reconcile --repair" in problem
        assert bus_problems() == []  # nothing is stuck
        LostRecords.objects.settle()
        assert problems_of(read_figures()) == []

    def test_name_what_is_gone_before_consumers_have_noticed(self, adapter, broker, registry):
        registry.add(handler("slow"))
        place = adapter.publish(TOPIC, message_event(1, 1).payload)
        part = TopicPartition(place.topic, place.partition)
        broker.group("slow").committed[part] = 0
        broker.remove_before(part, 1)
        (problem,) = problems_of(with_kafka(read_figures(), adapter, registry))
        assert "1 records that group slow has not read are gone already" in problem

    def test_name_no_group_that_has_nothing_to_do(self, adapter, registry, monkeypatch):
        work: list[bool] = []
        registry.add(handler("rare", has_work=lambda: bool(work)))
        adapter.publish(TOPIC, message_event(1, 1).payload)
        monkeypatch.setattr("messaging.operating.groups.LAG_SECONDS", -1)
        assert problems_of(with_kafka(read_figures(), adapter, registry)) == []
        work.append(True)
        (problem,) = problems_of(with_kafka(read_figures(), adapter, registry))
        assert "group rare is 1 records" in problem

    def test_call_a_group_as_the_broker_does(self, adapter, registry, settings, monkeypatch):
        settings.KAFKA = replace(settings.KAFKA, group_id="chat-of-ours")
        registry.add(handler(MAIN_GROUP))
        adapter.publish(TOPIC, message_event(1, 1).payload)
        monkeypatch.setattr("messaging.operating.groups.LAG_SECONDS", -1)
        figures = with_kafka(read_figures(), adapter, registry)
        assert figures.groups[0].group_id == "chat-of-ours"
        (problem,) = problems_of(figures)
        assert problem.startswith("group chat-of-ours (webchat-group) is 1 records")
        assert "run_kafka_consumer --group webchat-group" in problem
        assert "lag chat-of-ours (webchat-group)  1 records" in as_table(figures)

    def test_say_why_a_relay_holds_a_topic_back(self):
        see_relay(last_error="TopicLackingError: Topic audit-events is not allowed.")
        (problem,) = problems_of(read_figures())
        assert problem.startswith("the relay holds events back: TopicLackingError: Topic audit")


class TestGroupsWithoutConsumers:
    """On Kafka; a process that is embedded reads for itself."""

    @pytest.fixture(autouse=True)
    def on_kafka(self, settings):
        settings.MESSAGE_BUS = "kafka"

    @pytest.fixture
    def group(self, registry: Registry) -> Registry:
        registry.add(handler(MAIN_GROUP))
        return registry

    def publish(self, *, seconds_ago: float) -> None:
        record(message_event(1, OutboxEvent.objects.count() + 1))
        OutboxEvent.objects.filter(pk=OutboxEvent.objects.latest("pk").pk).update(
            status=OutboxEvent.Status.PUBLISHED,
            created_at=timezone.now() - timedelta(seconds=seconds_ago),
        )

    def test_are_named_with_how_long_and_what_to_do(self, group):
        self.publish(seconds_ago=300)
        see_consumer(seconds_ago=120)
        self.publish(seconds_ago=100)
        self.publish(seconds_ago=10)
        figures = read_figures(group)
        (found,) = figures.unattended
        assert (found.group, found.unread, round(found.unread_seconds)) == (MAIN_GROUP, 2, 100)
        (problem,) = problems_of(figures)
        assert f"no consumer of group {MAIN_GROUP} runs; the last was h:1, until 20" in problem
        assert "2 events unread, the oldest for 100 s" in problem
        assert "manage.py run_kafka_consumer --group webchat-group" in problem
        assert stuck_of(figures) == []  # no web process works the worse for it

    def test_are_named_at_once_when_they_died(self, group):
        see_consumer(seconds_ago=25)
        (problem,) = problems_of(read_figures(group))
        assert "0 events unread" in problem

    def test_are_none_after_one_that_ended_as_told_while_there_is_nothing_to_read(self, group):
        see_consumer(seconds_ago=60, stopped=True)
        assert problems_of(read_figures(group)) == []
        self.publish(seconds_ago=15)
        assert problems_of(read_figures(group)) == []
        OutboxEvent.objects.update(created_at=timezone.now() - timedelta(seconds=30))
        assert len(problems_of(read_figures(group))) == 1

    def test_are_none_where_one_runs_or_there_is_no_work(self, registry: Registry):
        registry.add(handler(MAIN_GROUP), handler("rare", has_work=lambda: False))
        see_consumer()
        assert read_figures(registry).unattended == []

    def test_are_none_where_the_process_is_embedded(self, group, settings):
        settings.MESSAGE_BUS = "embedded"
        assert read_figures(group).unattended == []

    def test_warn_and_are_not_called_stuck(self, monkeypatch):
        silent = replace(
            read_figures(Registry()),
            unattended=[Unattended(MAIN_GROUP, None, "", True, 5, 60.0)],
            dead_letters=1,
        )
        monkeypatch.setattr(status, "read_figures", lambda: silent)
        assert bus_problems() == []
        unattended, letters = bus_warnings()
        assert unattended.startswith("no consumer of group webchat-group runs; 5 events unread")
        assert letters.startswith("1 dead letters")


class TestBusProblems:
    def test_answers_from_the_tables(self):
        assert bus_problems() == []
        record(message_event(1, 1))
        make_old()
        assert "events wait" in bus_problems()[0]

    def test_names_tables_that_cannot_be_read(self, monkeypatch):
        def fail() -> None:
            raise DatabaseAwayError("The database is away: it does not answer")

        monkeypatch.setattr(status, "read_figures", fail)
        (found,) = bus_problems()
        assert "cannot be read (DatabaseAwayError" in found


class TestKafkaStatus:
    def test_shows_a_table(self):
        see_relay()
        record_chats(1, 3)
        shown = run("kafka_status")
        assert "outbox waiting    3" in shown
        assert "breaker           closed" in shown

    def test_shows_each_relay_with_its_share(self):
        see_relay(pid=7, shards=8)
        see_relay(pid=8, shards=8, breaker="open")
        see_relay(pid=9, seconds_ago=300)
        shown = run("kafka_status")
        assert re.search(r"relay +h:7, seen \S+ s ago, 0 a minute, 8 of 16 shards", shown)
        assert re.search(r"relay +h:8, seen \S+ s ago, 0 a minute, 8 of 16 shards", shown)
        assert "h:9" not in shown
        assert "breaker           closed, open" in shown

    def test_shows_the_last_relay_when_none_works(self):
        see_relay(pid=7, seconds_ago=300)
        see_relay(pid=8, seconds_ago=200)
        shown = run("kafka_status")
        assert re.search(r"h:8, seen 200\S* s ago, 0 a minute, 16 of 16 shards", shown)
        assert "h:7" not in shown

    def test_gives_programs_stable_names(self):
        see_relay()
        shown = json.loads(run("kafka_status", "--json"))
        assert set(shown) == {
            *("bus", "outbox_waiting", "outbox_oldest_seconds", "outbox_set_aside"),
            *("dead_letters", "relay", "relays", "kafka_error", "groups"),
            *("problems", "warnings", "kafka_refuses", "consumers", "lost", "unattended"),
        }
        assert set(shown["relay"]) == {
            *("bus", "host", "pid", "version", "per_minute", "shards", "breaker", "last_error"),
            "seen_seconds_ago",
        }
        assert shown["relays"] == [shown["relay"]]

    def test_check_ends_with_3_when_something_stands_still(self):
        run("kafka_status", "--check")
        record(message_event(1, 1))
        make_old()
        with pytest.raises(SystemExit) as ended:
            run("kafka_status", "--check")
        assert ended.value.code == 3


@pytest.mark.embedded
class TestDeadLettersCommand:
    def test_lists_the_open_ones_without_their_content(self):
        first = letter()
        letter(status="discarded")
        shown = run("dead_letters", "list")
        assert len(shown.splitlines()) == 2
        assert shown.splitlines()[1].startswith(str(first.pk))
        assert "secret" not in shown
        assert len(run("dead_letters", "list", "--all", "--json").splitlines()) == 2

    def test_shows_one_with_everything(self):
        shown = run("dead_letters", "show", str(letter().pk))
        assert "value: b'secret words'" in shown
        assert "record key: b'1'" in shown

    def test_changes_nothing_without_execute(self):
        one = letter()
        run("dead_letters", "discard", str(one.pk), "--reason", "spam")
        one.refresh_from_db()
        assert one.status == "open"
        run("dead_letters", "discard", str(one.pk), "--reason", "spam", "--execute")
        one.refresh_from_db()
        assert (one.status, one.reason) == ("discarded", "spam")

    def test_chooses_by_chat_and_by_handler(self, capsys):
        letter(record_key=b"7")
        letter(record_key=b"7", handler="heads")
        letter(record_key=b"8")
        run("dead_letters", "retry", "--key", "7")
        assert "Would retry 2" in capsys.readouterr().err
        run("dead_letters", "retry", "--key", "7", "--handler", "heads")
        assert "Would retry 1" in capsys.readouterr().err

    def test_knows_the_former_word_for_a_retry(self, capsys):
        letter(record_key=b"7")
        run("dead_letters", "replay", "--key", "7")
        assert "Would retry 1" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["retry"], 2),
            (["discard", "--topic", TOPIC, "--execute"], 2),
            (["retry", "999999"], 1),
            (["show", "999999"], 1),
        ],
    )
    def test_says_what_is_wrong(self, arguments, code):
        with pytest.raises(CommandError) as raised:
            run("dead_letters", *arguments)
        assert raised.value.returncode == code

    def test_tells_of_those_that_fail_again(self, capsys):
        letter()  # its bytes are no event
        with pytest.raises(SystemExit) as ended:
            run("dead_letters", "retry", "--topic", TOPIC, "--execute")
        assert ended.value.code == 1
        assert "stays open: InvalidEventError" in capsys.readouterr().err


@pytest.mark.embedded
class TestCommandsOnTheEmbeddedBus:
    @pytest.mark.parametrize("command", ["run_kafka_consumer", "run_outbox_relay"])
    def test_refuse_and_say_what_to_do_instead(self, command):
        with pytest.raises(CommandError, match="Nothing more needs to run") as raised:
            run(command)
        assert raised.value.returncode == 2


@pytest.mark.embedded
class TestConsumerOptions:
    def test_an_unknown_group_or_topic_is_a_usage_error(self, settings):
        settings.MESSAGE_BUS = "kafka"
        with pytest.raises(CommandError, match="Groups: webchat-group") as raised:
            run("run_kafka_consumer", "--group", "nobody")
        assert raised.value.returncode == 2
        with pytest.raises(CommandError, match="does not read nothing") as raised:
            run("run_kafka_consumer", "--topic", "nothing")
        assert raised.value.returncode == 2


class TestAdmin:
    @pytest.fixture
    def staff(self, admin_client):
        return admin_client

    @pytest.mark.parametrize("page", ["outboxevent", "handledevent", "deadletter"])
    def test_lists_are_read_only(self, staff, page):
        record(message_event(1, 1))
        letter()
        HandledEvent.objects.create(event_id=uuid4(), group="g", handler="h", topic=TOPIC)
        assert staff.get(f"/admin/messaging/{page}/").status_code == 200
        assert staff.get(f"/admin/messaging/{page}/add/").status_code == 403

    def test_a_letter_shows_its_bytes(self, staff):
        page = staff.get(f"/admin/messaging/deadletter/{letter(value=b'<b>').pk}/change/")
        assert "b&#x27;&lt;b&gt;&#x27;" in page.content.decode()

    def test_discarding_asks_first(self, staff):
        one = letter()
        form = {"action": "discard", "_selected_action": [one.pk]}
        asked = staff.post("/admin/messaging/deadletter/", form)
        assert "Discard?" in asked.content.decode()
        one.refresh_from_db()
        assert one.status == "open"
        staff.post("/admin/messaging/deadletter/", form | {"confirmed": "yes", "reason": "spam"})
        one.refresh_from_db()
        assert (one.status, one.reason) == ("discarded", "spam")

    def test_what_was_set_aside_is_sent_again_after_a_yes(self, staff):
        record(message_event(1, 1))
        message_events().update(status=OutboxEvent.Status.ERROR)
        row = OutboxEvent.objects.set_aside().get()
        form = {"action": "retry", "_selected_action": [row.pk]}
        staff.post("/admin/messaging/outboxevent/", form)
        assert OutboxEvent.objects.set_aside().count() == 1
        staff.post("/admin/messaging/outboxevent/", form | {"confirmed": "yes"})
        assert message_events().get().status == OutboxEvent.Status.WAITING
