"""Outgoing webhooks against a real receiver: order, ids, tries, switching off."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from chat.models import Webhook, WebhookDelivery
from chat.webhooks import deliveries as webhook_deliveries
from chat.webhooks import outgoing as webhooks
from chat.webhooks import requests
from chat.webhooks import sender as sender_module
from chat.webhooks.deliveries import FAILED_FOR_LONG, SAYS_GONE, record_deliveries
from chat.webhooks.signing import make_secret
from messaging.away import DatabaseAwayError
from messaging.bus.retry import RetryPolicy
from messaging.models import OutboxEvent
from tests.integration.chat.webhook_parts import (
    event,
    make_all_due,
    make_webhook,
    note,
    sending,
    statuses,
    until,
)
from tests.support.people import make_group, make_person
from tests.support.processes import DEADLINE, PATIENCE
from tests.support.receivers import Got, Receiver, is_signed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long(on="services")]

QUICK = RetryPolicy(initial_seconds=0.05)


@pytest.fixture(autouse=True)
def receivers_may_be_near(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = settings.WEBHOOK_ALLOW_HTTP = True


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def other():
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def quick_tries(monkeypatch):
    for module in (webhook_deliveries, sender_module):
        monkeypatch.setattr(module, "TRIES", QUICK)


@pytest.fixture
def webhook(ann, chat, receiver) -> Webhook:
    return make_webhook(ann, chat, receiver.url)


def facts(action: str) -> int:
    return OutboxEvent.objects.filter(event_type=action).count()


class TestDelivery:
    def test_is_the_event_signed_with_the_secret(self, webhook, chat, receiver):
        told = event(chat, 1, content="Привет")
        with sending():
            record_deliveries([told])
            until(lambda: receiver.taken)
        (got,) = receiver.taken
        assert got.path == "/hook?from=webchat"
        assert got.headers["content-type"] == "application/json"
        assert got.event_id == str(told.event_id)
        assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60
        assert got.fields["type"] == "message.created"
        assert got.fields["data"] == told.payload
        assert is_signed(got, webhook.secret)
        assert not is_signed(got, make_secret())

    def test_goes_out_in_the_order_of_its_chat_and_once(self, ann, chat, webhook, receiver):
        second = make_group(ann)
        make_webhook(ann, second, receiver.url)
        note([chat, second], last=20)
        with sending(), sending():
            until(lambda: not WebhookDelivery.objects.waiting().exists())
        assert receiver.events_by_chat() == {
            str(chat.pk): list(range(1, 21)),
            str(second.pk): list(range(1, 21)),
        }
        assert len(receiver.taken) == 40

    def test_noted_twice_is_sent_once(self, webhook, chat, receiver):
        told = event(chat, 1)
        record_deliveries([told])
        record_deliveries([told])
        assert webhook.deliveries.count() == 1

    def test_goes_to_webhooks_of_all_chats_too(self, ann, chat, receiver):
        staff = make_person("staff", is_staff=True, is_superuser=True)
        everywhere = make_webhook(staff, None, receiver.url)
        elsewhere = make_webhook(ann, make_group(ann), receiver.url)
        record_deliveries([event(chat, 1)])
        assert (everywhere.deliveries.count(), elsewhere.deliveries.count()) == (1, 0)

    def test_is_written_down_with_what_came_of_it(self, webhook, chat, receiver):
        note([chat], last=1)
        with sending():
            until(lambda: not webhook.deliveries.waiting().exists())
        delivery = webhook.deliveries.get()
        assert (delivery.status, delivery.attempts, delivery.response_status) == (
            "delivered",
            1,
            204,
        )
        assert delivery.finished_at
        assert delivery.milliseconds is not None
        assert delivery.error == ""

    def test_costs_one_query_where_there_are_no_webhooks(self, chat, django_assert_num_queries):
        events = [event(chat, seq) for seq in range(1, 50)]
        with django_assert_num_queries(1):
            record_deliveries(events)


class TestFailingReceiver:
    def test_that_was_down_gets_everything_once_and_in_order(
        self, ann, chat, receiver, quick_tries
    ):
        staff = make_person("staff", is_staff=True, is_superuser=True)
        webhook = make_webhook(staff, None, receiver.url)
        chats = [chat, make_group(ann), make_group(ann)]
        receiver.stop()
        note(chats, last=10)
        with sending():
            until(lambda: Webhook.objects.get(pk=webhook.pk).failures >= 4)
            note(chats, first=11, last=20)
            assert not receiver.taken
            receiver.start()
            until(lambda: not webhook.deliveries.waiting().exists())
        assert receiver.events_by_chat() == {str(c.pk): list(range(1, 21)) for c in chats}
        assert len(receiver.taken) == len({got.event_id for got in receiver.taken}) == 60
        webhook.refresh_from_db()
        assert (webhook.failures, webhook.failing_since) == (0, None)

    def test_holds_back_what_comes_after_in_its_chat_alone(
        self, ann, chat, receiver, webhook, quick_tries
    ):
        second = make_group(ann)
        make_webhook(ann, second, receiver.url)
        sick = threading.Event()
        receiver.behave = lambda got, handler: (
            500 if got.chat_and_seq == (str(chat.pk), 2) and not sick.is_set() else 200
        )
        note([chat, second], last=5)
        with sending():
            until(lambda: len(receiver.taken) == 6 and len(receiver.asked) > 8)
            assert receiver.events_by_chat()[str(chat.pk)] == [1]
            sick.set()
            until(lambda: not WebhookDelivery.objects.waiting().exists())
        assert receiver.events_by_chat()[str(chat.pk)] == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("status", [301, 302, 308, 400, 404, 429, 500, 503])
    def test_is_tried_again_later(self, webhook, chat, receiver, status):
        receiver.behave = lambda got, handler: status
        note([chat], last=2)
        begun_at = timezone.now()
        with sending():
            until(lambda: Webhook.objects.get(pk=webhook.pk).failures)
        first, second = webhook.deliveries.order_by("pk")
        assert (first.status, first.attempts, first.response_status) == ("waiting", 1, status)
        assert first.error
        # Of five seconds, give or take half; on a busy machine it began to wait later.
        assert (first.next_attempt_at - begun_at).total_seconds() >= 2.5
        assert (second.status, second.attempts) == ("waiting", 0)
        assert len(receiver.asked) == 1

    def test_is_left_alone_for_as_long_as_it_asks(self, webhook, chat, receiver):
        def busy(got: Got, handler) -> int:
            handler.send_response(429)
            handler.send_header("Retry-After", "120")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return 0

        receiver.behave = busy
        note([chat], last=1)
        with sending():
            until(lambda: Webhook.objects.get(pk=webhook.pk).failures)
        assert webhook.deliveries.get().next_attempt_at > timezone.now() + timedelta(seconds=100)

    def test_waits_longer_each_time_and_at_most_an_hour(self, webhook, chat):
        note([chat], last=1)
        waits = []
        for _ in range(14):
            webhook_deliveries.record_tries(
                [webhook_deliveries.Try(webhook.deliveries.get(), requests.Outcome("no"))]
            )
            waits.append(
                (webhook.deliveries.get().next_attempt_at - timezone.now()).total_seconds()
            )
        assert waits[0] < 8
        assert all(earlier < later for earlier, later in itertools.pairwise(waits[:9]))
        assert max(waits) <= 3600

    def test_that_drops_the_connection_has_failed(self, webhook, chat, receiver):
        def drop(got: Got, handler) -> int:
            handler.connection.shutdown(socket.SHUT_RDWR)
            return 0

        receiver.behave = drop
        note([chat], last=1)
        with sending():
            until(lambda: Webhook.objects.get(pk=webhook.pk).failures)
        assert webhook.deliveries.get().error == requests.BROKEN


class TestSlowReceiver:
    def test_delays_no_other_webhook(self, ann, chat, receiver, other, webhook):
        chats = [chat, *(make_group(ann) for _ in range(5))]
        for each in chats[1:]:
            make_webhook(ann, each, receiver.url)
        make_webhook(ann, chat, other.url)
        go_on = receiver.hold_back()
        note(chats, last=30)
        with sending():
            until(lambda: len(other.taken) == 30, seconds=10)
            assert not receiver.taken
            go_on.set()
            until(lambda: not WebhookDelivery.objects.waiting().exists())
        assert other.events_by_chat() == {str(chat.pk): list(range(1, 31))}

    def test_is_asked_by_few_at_once(self, receiver, chat):
        staff = make_person("staff", is_staff=True, is_superuser=True)
        make_webhook(staff, None, receiver.url)
        go_on = receiver.hold_back()
        note(range(1000, 1020), last=1)
        with sending():
            until(lambda: len(receiver.asked) == sender_module.MAX_PER_WEBHOOK)
            note(range(1000, 1020), first=2, last=2)
            assert len(receiver.asked) == sender_module.MAX_PER_WEBHOOK
            go_on.set()
            until(lambda: len(receiver.taken) == 40)

    @pytest.mark.parametrize("part", ["head", "headers", "nothing"])
    def test_is_cut_off_in_time_however_it_goes_on(
        self, webhook, chat, receiver, monkeypatch, part
    ):
        monkeypatch.setattr(requests, "TOTAL_SECONDS", 0.5)
        is_over = threading.Event()

        def drip(got: Got, handler) -> int:
            """By itself it never ends."""
            if part == "headers":
                handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not is_over.wait(0.05):
                if part != "nothing":
                    handler.wfile.write(b"x-drip: y\r\n" if part == "headers" else b"H")
            return 0

        receiver.behave = drip
        note([chat], last=1)
        with sending():
            until(lambda: Webhook.objects.get(pk=webhook.pk).failures)
        is_over.set()
        delivery = webhook.deliveries.get()
        assert delivery.status == "waiting"
        if part != "head":
            assert delivery.error == requests.TOO_SLOW

    def test_answer_of_any_size_counts_by_its_status(self, webhook, chat, receiver):
        def flood(got: Got, handler) -> int:
            handler.send_response(200)
            handler.end_headers()
            while True:  # until the other side has gone
                handler.wfile.write(b"x" * 65536)

        receiver.behave = flood
        note([chat], last=1)
        with sending():
            until(lambda: not webhook.deliveries.waiting().exists(), seconds=10)
        delivery = webhook.deliveries.get()
        assert (delivery.status, delivery.response_status) == ("delivered", 200)


class TestSwitchingOff:
    def test_follows_410_gone_at_once(self, webhook, chat, receiver):
        receiver.behave = lambda got, handler: 410
        note([chat], last=2)
        with sending():
            until(lambda: not Webhook.objects.get(pk=webhook.pk).is_active)
        webhook.refresh_from_db()
        assert webhook.switched_off_reason == SAYS_GONE
        assert webhook.switched_off_at
        assert statuses(webhook) == ["waiting", "waiting"]
        assert facts("webhook.switched_off") == 1
        assert len(receiver.asked) == 1

    def test_follows_failures_for_a_day(self, webhook, chat, receiver):
        receiver.behave = lambda got, handler: 500
        note([chat], last=1)
        Webhook.objects.update(failures=20, failing_since=timezone.now() - timedelta(hours=25))
        with sending():
            until(lambda: not Webhook.objects.get(pk=webhook.pk).is_active)
        assert Webhook.objects.get().switched_off_reason == FAILED_FOR_LONG

    @pytest.mark.parametrize(("failures", "hours"), [(20, 23), (3, 48)])
    def test_needs_many_failures_and_a_long_time(self, webhook, chat, receiver, failures, hours):
        receiver.behave = lambda got, handler: 500
        note([chat], last=1)
        Webhook.objects.update(
            failures=failures, failing_since=timezone.now() - timedelta(hours=hours)
        )
        with sending():
            until(lambda: Webhook.objects.get(pk=webhook.pk).failures == failures + 1)
        assert Webhook.objects.get().is_active

    def test_is_undone_without_a_loss(self, ann, webhook, chat, receiver):
        receiver.behave = lambda got, handler: 410
        note([chat], last=5)
        with sending():
            until(lambda: not Webhook.objects.get(pk=webhook.pk).is_active)
            note([chat], first=6, last=7)  # written while it is off: not for it
            receiver.behave = lambda got, handler: 200
            webhooks.set_webhook_active(
                actor=ann, webhook_id=webhook.pk, chat_id=chat.pk, active=True
            )
            note([chat], first=8, last=9)
            until(lambda: not webhook.deliveries.waiting().exists())
        assert receiver.events_by_chat() == {str(chat.pk): [1, 2, 3, 4, 5, 8, 9]}
        assert facts("webhook.switched_on") == 1

    def test_is_undone_while_the_receiver_is_still_down_without_a_loss(
        self, ann, webhook, chat, receiver
    ):
        """However often and long they were tried: nothing says that only these are not taken."""
        receiver.behave = lambda got, handler: 500
        note([chat], last=3)
        webhook.deliveries.update(attempts=40, created_at=timezone.now() - timedelta(hours=30))
        for _ in range(3):
            webhooks.set_webhook_active(
                actor=ann, webhook_id=webhook.pk, chat_id=chat.pk, active=False
            )
            webhooks.set_webhook_active(
                actor=ann, webhook_id=webhook.pk, chat_id=chat.pk, active=True
            )
            receiver.asked.clear()
            with sending():
                until(lambda: receiver.asked)
        receiver.behave = lambda got, handler: 200
        make_all_due(webhook)
        with sending():
            until(lambda: not webhook.deliveries.waiting().exists())
        assert receiver.events_by_chat() == {str(chat.pk): [1, 2, 3]}

    def test_that_ends_touches_only_what_was_tried(self, webhook, chat):
        """However many wait behind it, each as due as it was."""
        note([chat], last=5)
        due = timezone.now() - timedelta(minutes=5)
        webhook.deliveries.update(next_attempt_at=due)
        first = webhook.deliveries.earliest("pk")
        later = timezone.now() + timedelta(minutes=5)
        WebhookDelivery.objects.filter(pk=first.pk).update(next_attempt_at=later)
        webhooks.make_postponed_due(webhook)
        assert webhook.deliveries.filter(next_attempt_at=due).count() == 4
        assert webhook.deliveries.earliest("pk").next_attempt_at <= timezone.now()

    def test_one_delivery_that_is_never_taken_stops_holding_its_chat(self, webhook, chat, receiver):
        receiver.behave = lambda got, handler: 400 if got.chat_and_seq[1] == 1 else 200
        note([chat], last=3)
        first = webhook.deliveries.order_by("pk")[:1]
        WebhookDelivery.objects.filter(pk__in=first.values("pk")).update(
            refused=15, created_at=timezone.now() - timedelta(hours=30)
        )
        with sending():
            until(lambda: not webhook.deliveries.waiting().exists())
        assert statuses(webhook) == ["given_up", "delivered", "delivered"]
        assert facts("webhook.gave_up") == 1
        assert Webhook.objects.get().is_active


class TestByHand:
    def test_what_was_sent_goes_out_again_under_its_id(self, ann, webhook, chat, receiver):
        note([chat], last=1)
        with sending():
            until(lambda: not webhook.deliveries.waiting().exists())
            webhook_deliveries.send_again(
                actor=ann, webhook=webhook, delivery_id=webhook.deliveries.get().pk
            )
            until(lambda: len(receiver.taken) == 2)
        assert len({got.event_id for got in receiver.taken}) == 1
        assert len({got.body for got in receiver.taken}) == 1

    def test_what_is_given_up_lets_later_ones_go(self, ann, webhook, chat, receiver):
        receiver.behave = lambda got, handler: 500 if got.chat_and_seq[1] == 1 else 200
        note([chat], last=2)
        with sending():
            until(lambda: Webhook.objects.get(pk=webhook.pk).failures)
            first = webhook.deliveries.order_by("pk")[0]
            webhook_deliveries.give_up(actor=ann, webhook=webhook, delivery_id=first.pk)
            until(lambda: not webhook.deliveries.waiting().exists())
        assert statuses(webhook) == ["given_up", "delivered"]

    def test_old_deliveries_leave_the_log_and_waiting_ones_stay(self, webhook, chat, settings):
        note([chat], last=3)
        old = timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS + 1)
        done = webhook.deliveries.order_by("pk")[:1]
        WebhookDelivery.objects.update(created_at=old)
        WebhookDelivery.objects.filter(pk__in=done.values("pk")).update(
            status="delivered", finished_at=old
        )
        assert webhook_deliveries.forget_old_deliveries(at_most=10) == 1
        assert statuses(webhook) == ["waiting", "waiting"]


class TestTrying:
    def test_says_what_came_of_it_and_passes_what_waits(self, ann, webhook, chat, receiver):
        note([chat], last=2)
        delivery = webhooks.try_webhook(ann, webhook)
        assert (delivery.status, delivery.response_status) == ("delivered", 204)
        (got,) = receiver.taken
        assert got.fields["type"] == "webhook.test"
        assert is_signed(got, webhook.secret)

    def test_is_told_to_the_audit_log(self, ann, webhook, receiver):
        webhooks.try_webhook(ann, webhook)
        assert facts("webhook.tested") == 1

    def test_that_failed_is_not_sent_again(self, ann, webhook, receiver):
        receiver.behave = lambda got, handler: 500
        assert webhooks.try_webhook(ann, webhook).status == "given_up"
        assert Webhook.objects.get().failures == 0


class TestSender:
    def test_takes_over_from_one_that_died(self, webhook, chat, receiver):
        """What the dead one had sent but not written down comes again, under its id."""
        note([chat], last=3)
        answered, over = threading.Event(), threading.Event()

        def vanish(url, headers, body, before_leaving):
            requests.post(url, headers, body, before_leaving)
            answered.set()
            over.wait(DEADLINE)  # its answer is never written down
            return requests.Outcome(requests.BROKEN)

        first = sender_module.Sender(send=vanish, look_seconds=0.05)
        first.start()
        assert answered.wait(DEADLINE)
        first.stop(0)
        with sending():
            until(lambda: not webhook.deliveries.waiting().exists())
        over.set()
        assert receiver.events_by_chat() == {str(chat.pk): [1, 2, 3]}
        assert len(receiver.taken) == 4

    def test_that_was_told_to_stop_begins_nothing_and_ends_in_its_time(
        self, webhook, chat, receiver
    ):
        """A signal tells it; `stop` comes later and gives no more time than from then on."""
        note([chat], last=3)
        hold = receiver.hold_back()
        sender = sender_module.Sender(look_seconds=0.05)
        sender.start()
        until(lambda: len(receiver.asked) == 1)
        sender.begin_to_stop()
        before = time.monotonic()
        assert sender.stop(0.2)
        assert time.monotonic() - before < 5 * PATIENCE
        hold.set()
        assert len(receiver.asked) == 1
        assert statuses(webhook) == ["waiting"] * 3

    def test_uses_a_new_secret_at_once(self, ann, webhook, chat, receiver):
        note([chat], last=1)
        secret = webhooks.rotate_secret(actor=ann, webhook_id=webhook.pk, chat_id=chat.pk).secret
        with sending():
            until(lambda: receiver.taken)
        assert secret != webhook.secret
        assert is_signed(receiver.taken[0], secret)

    def test_finds_what_others_made_due(self, webhook, chat, receiver):
        note([chat], last=1)
        WebhookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(hours=1))
        with sending():
            make_all_due(webhook)  # tells nobody, as another process would not
            until(lambda: receiver.taken)

    def test_sends_nothing_while_the_database_would_not_take_it_down(
        self, webhook, chat, receiver, monkeypatch
    ):
        note([chat], last=1)
        asked: list[bool] = []

        def refuse() -> None:
            asked.append(True)
            raise DatabaseAwayError("The database is away: it is read-only (25006)")

        monkeypatch.setattr(sender_module, "AWAY_SECONDS", 0.01)
        with sending():
            with monkeypatch.context() as patched:
                patched.setattr(sender_module, "would_write", refuse)
                until(lambda: len(asked) > 2)
                assert receiver.asked == []
            until(lambda: statuses(webhook) == ["delivered"])
        assert len(receiver.taken) == 1
