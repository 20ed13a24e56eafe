from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.db.transaction import TransactionManagementError

from messaging.errors import InvalidEventError
from messaging.models import OutboxEvent
from messaging.outbox.recording import NewEvent, outbox_recorded, record_many
from tests.support.bus_parts import message_event, record
from tests.support.processes import PATIENCE


@pytest.fixture
def wakes():
    heard: list[object] = []

    def hear(**given: object) -> None:
        heard.append(given["sender"])

    outbox_recorded.connect(hear)
    yield heard
    outbox_recorded.disconnect(hear)


@pytest.mark.django_db(transaction=True)
class TestRecordMany:
    def test_refuses_outside_a_transaction(self):
        with pytest.raises(TransactionManagementError, match="transaction of the change"):
            record_many([message_event(1, 1)])
        assert not OutboxEvent.objects.exists()

    def test_leaves_nothing_when_the_transaction_is_rolled_back(self, wakes):
        with pytest.raises(IntegrityError), transaction.atomic():
            record_many([message_event(1, 1)])
            raise IntegrityError
        assert not OutboxEvent.objects.exists()
        assert wakes == []

    def test_keeps_the_payload_as_the_text_that_is_sent(self):
        record(NewEvent("chat-messages", "1", "message.created", {"content": "Привет \U0001f600"}))
        assert OutboxEvent.objects.get().payload == '{"content":"Привет \U0001f600"}'

    def test_gives_rows_in_the_order_given(self):
        record(*(message_event(1, seq) for seq in (1, 2, 3)))
        payloads = OutboxEvent.objects.order_by("id").values_list("payload", flat=True)
        assert ['"seq":1,' in payloads[0], '"seq":3,' in payloads[2]] == [True, True]

    def test_refuses_the_same_event_twice(self):
        event = message_event(1, 1)
        record(event)
        with pytest.raises(IntegrityError):
            record(event)

    def test_refuses_what_json_cannot_hold(self):
        with pytest.raises(InvalidEventError, match=r"message\.created"):
            record(NewEvent("chat-messages", "1", "message.created", {"content": "\ud800"}))
        assert not OutboxEvent.objects.exists()

    def test_takes_nothing_at_all_without_a_query(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            record_many([])


@pytest.mark.django_db(transaction=True)
class TestOutboxRecorded:
    def test_is_sent_once_for_a_transaction_with_many_calls(self, wakes):
        with transaction.atomic():
            record_many([message_event(1, 1)])
            record_many([message_event(1, 2)])
            with transaction.atomic():
                record_many([message_event(1, 3)])
            assert wakes == []
        assert len(wakes) == 1

    def test_is_sent_when_only_an_inner_savepoint_was_rolled_back(self, wakes):
        with transaction.atomic():
            with pytest.raises(IntegrityError), transaction.atomic():
                record_many([message_event(1, 1)])
                raise IntegrityError
            record_many([message_event(1, 2)])
        assert len(wakes) == 1
        assert OutboxEvent.objects.count() == 1

    def test_a_receiver_that_fails_fails_nobody_else(self):
        def fail(**_given: object) -> None:
            raise RuntimeError

        outbox_recorded.connect(fail)
        try:
            record(message_event(1, 1))
        finally:
            outbox_recorded.disconnect(fail)
        assert OutboxEvent.objects.count() == 1

    @pytest.mark.postgresql
    def test_reaches_other_processes_once_per_transaction(self, postgres_listener):
        with transaction.atomic():
            record_many([message_event(1, 1)])
            record_many([message_event(1, 2)])
            assert postgres_listener(timeout=0.1) == 0
        assert postgres_listener(timeout=5 * PATIENCE) == 1


@pytest.fixture
def postgres_listener(transactional_db):
    from messaging.outbox.relay_lock import _own_connection

    with _own_connection() as listening:
        listening.execute("LISTEN webchat_outbox")
        yield lambda timeout: sum(1 for _ in listening.notifies(timeout=timeout, stop_after=1))
