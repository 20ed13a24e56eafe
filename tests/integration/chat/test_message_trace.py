"""One message's way, for staff and operators: what is known of it, and never its words."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from chat.models import Message
from chat.reads.trace import read_trace
from chat.services.cursors.receipts import Cursors, advance_cursors
from chat.services.messages import delete_message, edit_message
from chat.services.posting.posting import post_messages
from messaging.handling.embedded import HandlerTarget
from messaging.handling.registry import registry
from messaging.management.exits import AWAY, ERROR, USAGE
from messaging.models import DeadLetter, HandledEvent, OutboxEvent
from messaging.outbox.relay import Relay
from messaging.outbox.relay_lock import FileLock
from tests.support.people import make_group, new_post, post, post_text

pytestmark = pytest.mark.django_db
WORDS = "the secret words"


@pytest.fixture
def chat(ann, bob):
    return make_group(ann, bob)


@pytest.fixture
def message(chat, ann) -> Message:
    """Among others of its chat and of another one."""
    other = make_group(ann)
    post(other, ann)
    post(chat, ann)
    found = post_text(chat, ann, WORDS)
    post(chat, ann)
    return found


@pytest.fixture
def hand_on(tmp_path):
    """Everything that waits is given to the handlers, as the embedded bus does."""
    relay = Relay(HandlerTarget(registry), FileLock(tmp_path / "lock"))

    def run() -> None:
        while relay.run_round():
            pass

    yield run
    relay.close()


def trace(given: object, *options: str) -> str:
    out = StringIO()
    call_command("trace_message", str(given), *options, stdout=out)
    return out.getvalue()


class TestTheTrace:
    def test_begins_in_the_outbox(self, message):
        trace = read_trace(message)
        (event,) = trace.events
        assert (event.event_type, event.state) == ("message.created", "waiting")
        assert json.loads(OutboxEvent.objects.get(event_id=event.event_id).payload)[
            "messageId"
        ] == str(message.pk)
        assert {one.handler for one in event.handlings} >= {"heads", "statuses"}
        assert not any(one.handled_at for one in event.handlings)
        assert trace.saved.is_published is False
        assert (trace.receipts.members, trace.receipts.delivered) == (1, 0)
        assert trace.audit == []

    def test_goes_through_the_handlers_to_its_readers(self, message, bob, hand_on):
        hand_on()
        advance_cursors({(message.chat_id, bob.pk): Cursors(3, 2)})
        message.chat.refresh_from_db()
        trace = read_trace(message)
        (event,) = trace.events
        assert event.state == "published"
        assert all(one.handled_at and one.attempts == 1 for one in event.handlings)
        assert trace.saved.is_published
        receipts = trace.receipts
        assert (receipts.members, receipts.delivered, receipts.read) == (1, 1, 1)
        (entry,) = trace.audit
        assert (entry.action, entry.event_id) == ("message.created", event.event_id)

    def test_has_an_event_for_each_change(self, message, ann):
        edit_message(actor=ann, message_id=message.pk, content="other words")
        delete_message(actor=ann, message_id=message.pk)
        trace = read_trace(Message.objects.get(pk=message.pk))
        assert [event.event_type for event in trace.events] == [
            "message.created",
            "message.edited",
            "message.deleted",
        ]

    def test_is_known_from_the_audit_log_when_the_outbox_is_cleared(self, message, hand_on):
        hand_on()
        OutboxEvent.objects.all().delete()
        (event,) = read_trace(message).events
        assert event.state == "removed"
        assert event.topic == "chat-messages"
        assert all(one.handled_at for one in event.handlings)

    def test_takes_the_place_on_the_topic_from_a_handled_event_when_the_outbox_is_cleared(
        self, message, hand_on
    ):
        hand_on()
        (event,) = read_trace(message).events
        OutboxEvent.objects.all().delete()
        HandledEvent.objects.filter(event_id=event.event_id).update(partition=3, offset=42)
        (event,) = read_trace(message).events
        assert (event.partition, event.offset) == (3, 42)

    def test_tells_of_dead_letters(self, message):
        (event,) = read_trace(message).events
        DeadLetter.objects.create(
            topic="chat-messages",
            event_id=event.event_id,
            group="webchat-group",
            handler="heads",
            error_class="ValueError",
            attempts=5,
        )
        (letter,) = read_trace(message).events[0].letters
        assert (letter.handler, letter.status, letter.attempts) == ("heads", "open", 5)

    def test_is_found_among_very_many_rows_with_few_looks(
        self, message, django_assert_max_num_queries
    ):
        """Ids follow time: what was recorded long before or after is not read."""
        first = OutboxEvent.objects.order_by("id")[0]
        later = first.created_at + timedelta(hours=1)
        OutboxEvent.objects.bulk_create(
            OutboxEvent(topic=first.topic, key=first.key, payload="no JSON", created_at=later)
            for _ in range(500)
        )
        with django_assert_max_num_queries(60):
            assert len(read_trace(message).events) == 1


class TestTheCommand:
    def test_takes_an_id_a_place_or_the_clients_own_id(self, message):
        texts = {
            trace(given)
            for given in (
                message.pk,
                f"{message.chat_id}:{message.seq}",
                message.client_message_id,
                str(message.client_message_id).upper(),
            )
        }
        (text,) = texts
        assert f"{message.pk} ({message.chat_id}:{message.seq})" in text

    def test_never_shows_the_words(self, message, ann, hand_on):
        edit_message(actor=ann, message_id=message.pk, content="other secret words")
        hand_on()
        for options in ([], ["--json"]):
            assert "secret" not in trace(message.pk, *options)

    def test_says_the_same_to_programs(self, message, hand_on):
        hand_on()
        found = json.loads(trace(message.pk, "--json"))
        assert set(found) == {"saved", "events", "receipts", "audit"}
        assert found["saved"]["message_id"] == message.pk
        assert found["receipts"] == {"members": 1, "delivered": 0, "read": 0, "not_showing": 0}
        assert {"event_id", "state", "topic", "partition", "offset", "handlings", "letters"} <= set(
            found["events"][0]
        )

    def test_shows_each_of_those_that_share_a_clients_id(self, message, chat, bob):
        post_messages([new_post(chat, bob, client_message_id=message.client_message_id)])
        lines = trace(message.client_message_id, "--json").splitlines()
        assert [json.loads(line)["saved"]["seq"] for line in lines] == [2, 4]

    @pytest.mark.parametrize("given", ["10000000000", "9" * 19, "1:1000", f"{'9' * 19}:1"])
    def test_says_when_there_is_none(self, message, given):
        with pytest.raises(CommandError, match="There is no message") as error:
            trace(given)
        assert error.value.returncode == ERROR

    def test_says_when_no_client_sent_it(self, db):
        with pytest.raises(CommandError) as error:
            trace(uuid4())
        assert error.value.returncode == ERROR

    @pytest.mark.parametrize("given", ["x", "7:", "1.5", "7:1:2", "9" * 40, "٣"])
    def test_says_what_it_takes(self, given):
        with pytest.raises(CommandError, match="CHAT:SEQ") as error:
            trace(given)
        assert error.value.returncode == USAGE

    def test_says_when_the_database_is_away(self, message, monkeypatch):
        def fail(message):
            raise OperationalError("secret words")

        monkeypatch.setattr("chat.management.commands.trace_message.read_trace", fail)
        with pytest.raises(CommandError, match="does not answer") as error:
            trace(message.pk)
        assert error.value.returncode == AWAY
        assert "secret" not in str(error.value)


def test_counts_those_who_do_not_show_what_they_read(chat, ann, bob):
    bob.shares_reading = False
    bob.save()
    message = post_text(chat, ann)
    advance_cursors({(chat.pk, bob.pk): Cursors(1, 1)})
    assert "0 of 1 (1 do not show it)" in trace(message.pk)
