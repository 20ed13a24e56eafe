"""Sends what waits, beside the handlers of its group: each webhook's chats in order, one delivery
at a time; different chats and webhooks at once. Written down before the next one goes out, so a
crash repeats a delivery (under its id) and never skips or overtakes one. Whether one may go is
looked at when its connection stands: rights end while names are looked up and receivers are slow.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from django.utils import timezone

from chat.database.threads import DATABASE_AWAY
from chat.models import Webhook, WebhookDelivery
from chat.webhooks import WEBHOOKS_GROUP
from chat.webhooks.crew import Crew
from chat.webhooks.deliveries import (
    OUTAGE_FAILURES,
    TRIES,
    Try,
    forget_old_deliveries,
    record_tries,
)
from chat.webhooks.lanes import Lane, read_head, read_heads
from chat.webhooks.locks import WebhookLocks, make_locks
from chat.webhooks.outgoing import deliveries_announced
from chat.webhooks.requests import BROKEN, Outcome, WithheldError, post
from chat.webhooks.signing import signed_headers
from messaging.backends.writing import would_write
from messaging.handling.companions import companion

logger = logging.getLogger(__name__)

# Requests at once, over all webhooks; and for one of them, while it answers well.
MAX_AT_ONCE: Final = 32
MAX_PER_WEBHOOK: Final = 4
# One that takes longer, or fails, gets one request at a time: threads are for those who answer.
SLOW_MILLISECONDS: Final = 2000
LONGEST_REST_SECONDS: Final = 60.0
# What other processes noted or switched on is found so soon.
LOOK_SECONDS: Final = 2.0
# Looking may take this part of the time at most.
LOOK_SHARE: Final = 0.2
# So long the crew waits for leave to send: less than a request may take, so that a database that is
# slow is not taken for a receiver that is.
LEAVE_SECONDS: Final = 5.0
AWAY_SECONDS: Final = 2.0
FORGET_SECONDS: Final = 600.0
MAX_FORGOTTEN: Final = 5000

Post = Callable[[str, Mapping[str, str], bytes, Callable[[], object]], Outcome]


@dataclass(frozen=True, slots=True)
class _Done:
    """`result` None: it was withheld, and waits as before."""

    lane: Lane
    result: Try | None


@dataclass(frozen=True, slots=True)
class _Question:
    """Whether a delivery may leave. Asked by the crew, which has no database."""

    webhook_id: int
    answer: SimpleQueue[bool]


News = TypeVar("News", _Done, _Question)
Inbox = SimpleQueue[_Done | _Question | None]  # None: something new waits


class Sender:
    def __init__(self, *, send: Post = post, look_seconds: float = LOOK_SECONDS) -> None:
        self._send = send
        self._look_seconds = look_seconds
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._stopping = threading.Event()
        self._stop_began_at = 0.0
        self._finish_by = float("inf")
        self._inbox: Inbox = SimpleQueue()
        self._crew = Crew("webhook", size=MAX_AT_ONCE)
        self._running: set[Lane] = set()
        self._due: deque[Lane] = deque()
        self._troubled: set[int] = set()
        self._rests: dict[int, float] = {}
        self._look_at = self._look_not_before = 0.0
        self._forget_at = 0.0

    def start(self) -> None:
        deliveries_announced.connect(self._wake)
        self._thread.start()

    def begin_to_stop(self) -> None:
        self._stop_began_at = self._stop_began_at or time.monotonic()
        self._stopping.set()
        self._inbox.put(None)

    def stop(self, timeout_seconds: float) -> bool:
        """Waits so long for answers that are on their way; what has none is sent again."""
        deliveries_announced.disconnect(self._wake)
        self.begin_to_stop()
        self._finish_by = self._stop_began_at + timeout_seconds
        self._inbox.put(None)
        self._thread.join(max(0.0, self._finish_by - time.monotonic()) + 1)
        return not self._thread.is_alive()

    def _wake(self, **_given: Any) -> None:
        self._inbox.put(None)

    def _run(self) -> None:
        locks = make_locks()
        try:
            while not self._stopping.is_set():
                try:
                    self._turn(locks)
                except DATABASE_AWAY:
                    self._start_anew(locks)
                except Exception:
                    # Whatever it is, other webhooks' deliveries wait behind this thread.
                    logger.exception("sending webhooks failed; starting again")
                    self._start_anew(locks)
            self._finish()
        finally:
            self._crew.dismiss()
            locks.close()

    def _turn(self, locks: WebhookLocks) -> None:
        self._attend(self._look_at - time.monotonic())
        now = time.monotonic()
        if now >= self._look_at:
            self._look(locks)
        self._begin(locks)
        if now >= self._forget_at:
            forgotten = forget_old_deliveries(at_most=MAX_FORGOTTEN)
            self._forget_at = now + (0 if forgotten == MAX_FORGOTTEN else FORGET_SECONDS)

    def _attend(self, timeout_seconds: float) -> None:
        """To what has come in, after waiting so long for the first."""
        news = self._take_news(timeout_seconds)
        self._answer(_those(_Question, news))
        self._record(_those(_Done, news))

    def _take_news(self, timeout_seconds: float) -> list[_Done | _Question]:
        taken: list[_Done | _Question] = []
        try:
            news = self._inbox.get(timeout=max(0.0, timeout_seconds))
            while True:
                if news is None:
                    self._look_at = self._look_not_before
                else:
                    taken.append(news)
                news = self._inbox.get_nowait()
        except Empty:
            return taken

    def _answer(self, questions: list[_Question]) -> None:
        """All in one query; whoever was told to stop begins nothing, and nothing leaves of which
        the database would not take down what came of it."""
        if not questions:
            return
        would_write()
        ids = {question.webhook_id for question in questions}
        working = set() if self._stopping.is_set() else Webhook.objects.working_ids(ids)
        for question in questions:
            question.answer.put(question.webhook_id in working)

    def _record(self, done: list[_Done]) -> None:
        if not done:
            return
        failures = record_tries(each.result for each in done if each.result)
        for each in done:
            self._running.discard(each.lane)
            if each.result:
                self._judge(each.lane, each.result.outcome, failures.get(each.lane.webhook_id, 0))

    def _judge(self, lane: Lane, outcome: Outcome, failures: int) -> None:
        webhook_id = lane.webhook_id
        if outcome.error or (outcome.milliseconds or 0) > SLOW_MILLISECONDS:
            self._troubled.add(webhook_id)
        else:
            self._troubled.discard(webhook_id)
        if not outcome.error:
            self._due.append(lane)
            if self._rests.pop(webhook_id, None):
                self._look_at = self._look_not_before  # it answers again: all that waits is due
        elif failures >= OUTAGE_FAILURES:
            rest = TRIES.wait_seconds(failures, longest_seconds=LONGEST_REST_SECONDS)
            self._rests[webhook_id] = time.monotonic() + rest

    def _look(self, locks: WebhookLocks) -> None:
        began_at, now = time.monotonic(), timezone.now()
        heads = read_heads()
        self._due = deque(head.lane for head in heads if head.due_at <= now)
        locks.keep({lane.webhook_id for lane in (*self._due, *self._running)})
        later = [(head.due_at - now).total_seconds() for head in heads if head.due_at > now]
        ended_at = time.monotonic()
        self._look_not_before = ended_at + (ended_at - began_at) / LOOK_SHARE
        self._look_at = max(self._look_not_before, ended_at + min([self._look_seconds, *later]))

    def _begin(self, locks: WebhookLocks) -> None:
        """Sends the heads of lanes that may go now; the others keep their place."""
        running = Counter(lane.webhook_id for lane in self._running)
        chosen: list[Lane] = []
        kept: deque[Lane] = deque()
        now = time.monotonic()
        for lane in self._due:
            if lane in self._running:
                continue
            most = 1 if lane.webhook_id in self._troubled else MAX_PER_WEBHOOK
            is_resting = self._rests.get(lane.webhook_id, 0.0) > now
            full = len(self._running) + len(chosen) >= MAX_AT_ONCE
            if full or is_resting or running[lane.webhook_id] >= most:
                kept.append(lane)
            else:
                running[lane.webhook_id] += 1
                chosen.append(lane)
        self._due = kept
        webhooks = Webhook.objects.active().in_bulk({lane.webhook_id for lane in chosen})
        for lane in chosen:
            webhook = webhooks.get(lane.webhook_id)
            if webhook is not None and locks.take(webhook.pk):
                self._send_head(lane, webhook)

    def _send_head(self, lane: Lane, webhook: Webhook) -> None:
        delivery = read_head(lane)
        if delivery is None or delivery.next_attempt_at > timezone.now():
            return
        self._crew.do(partial(self._deliver, lane, webhook, delivery, self._inbox))
        self._running.add(lane)

    def _deliver(
        self, lane: Lane, webhook: Webhook, delivery: WebhookDelivery, inbox: Inbox
    ) -> None:
        """In a thread of the crew: no database here."""
        body = delivery.body.encode()
        ask = partial(_ask_for_leave, webhook.pk, inbox)
        try:
            headers = signed_headers(
                secret=webhook.secret, event_id=delivery.event_id, at=int(time.time()), body=body
            )
            result: Try | None = Try(delivery, self._send(webhook.url, headers, body, ask))
        except WithheldError:
            result = None
        except Exception:
            # The lane must come back, whatever went wrong.
            logger.exception("a delivery failed", extra={"delivery_id": delivery.pk})
            result = Try(delivery, Outcome(BROKEN))
        inbox.put(_Done(lane, result))

    def _start_anew(self, locks: WebhookLocks) -> None:
        """Forgets what is on its way: it is sent again, by whoever has the locks then."""
        self._inbox = SimpleQueue()
        self._running.clear()
        self._due.clear()
        locks.close()
        self._look_at = 0.0
        self._stopping.wait(AWAY_SECONDS)

    def _finish(self) -> None:
        """Waits for answers and writes them down."""
        with suppress(DATABASE_AWAY):
            while self._running and time.monotonic() < self._finish_by:
                # `stop` says how long, and wakes.
                self._attend(min(60.0, self._finish_by - time.monotonic()))


def _ask_for_leave(webhook_id: int, inbox: Inbox) -> None:
    """Raises WithheldError when nothing may be sent for it, also when nobody answers in time."""
    answer: SimpleQueue[bool] = SimpleQueue()
    inbox.put(_Question(webhook_id, answer))
    try:
        may_leave = answer.get(timeout=LEAVE_SECONDS)
    except Empty:
        may_leave = False
    if not may_leave:
        raise WithheldError


def _those(kind: type[News], news: Iterable[_Done | _Question]) -> list[News]:
    return [one for one in news if isinstance(one, kind)]


@companion(group=WEBHOOKS_GROUP)
def make_sender() -> Sender:
    return Sender()
