"""How the pipe stands, in words, for the first page of staff. Reads; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chat.models import IncomingWebhook, Webhook, WebProcess
from messaging.operating.groups import LAG_SECONDS
from messaging.operating.processes import Unattended, alive
from messaging.operating.status import (
    OLDEST_WAITING_SECONDS,
    BusFigures,
    read_figures,
)

FINE, LOOK, BAD = "fine", "look", "bad"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that is looked after, with the list behind it."""

    title: str
    value: str
    state: str
    words: str
    list_name: str
    query: str = ""

    @property
    def address(self) -> str:
        address = reverse(f"admin:{self.list_name}_changelist")
        return f"{address}?{self.query}" if self.query else address

    @property
    def permission(self) -> str:
        return self.list_name.replace("_", ".view_")


def read_standing(person: AbstractBaseUser | AnonymousUser) -> list[Figure]:
    """What this person may see the lists of."""
    return [
        figure
        for figure in figures_of(read_figures())
        if person.has_perm(figure.permission)  # type: ignore[union-attr]  # each of them has it
    ]


def figures_of(figures: BusFigures) -> Iterator[Figure]:
    yield _waiting(figures)
    yield _set_aside(figures.outbox_set_aside)
    yield _dead_letters(figures.dead_letters)
    yield _relay(figures)
    yield _lost(sum(each.records for each in figures.lost))
    yield _consumers(figures)
    yield _lag(figures)
    yield _web()
    yield _webhooks(Webhook.objects.failed().count())
    yield _paused(Webhook.objects.active().paused().count(), "chat_webhook", _("Webhooks paused"))
    unrevoked = IncomingWebhook.objects.unrevoked()
    title = _("Incoming webhooks paused")
    yield _paused(unrevoked.paused().count(), "chat_incomingwebhook", title)


def _waiting(figures: BusFigures) -> Figure:
    seconds = round(figures.outbox_oldest_seconds)
    is_late = seconds > OLDEST_WAITING_SECONDS
    if not figures.outbox_waiting:
        words = _("Everything has been published.")
    elif is_late:
        words = _("The oldest has been waiting for %d s: the relay or the bus is stuck.") % seconds
    else:
        words = _("The oldest has been waiting for %d s.") % seconds
    return Figure(
        title=_("Waiting in the outbox"),
        value=str(figures.outbox_waiting),
        state=BAD if is_late else FINE,
        words=words,
        list_name="messaging_outboxevent",
        query="status__exact=0",
    )


def _best_none(title: str, count: int, words: str, list_name: str, query: str) -> Figure:
    """Something of which there should be none; `words` say what to do where there is."""
    state, words = (LOOK, words) if count else (FINE, _("None."))
    return Figure(title, str(count), state, words, list_name, query)


def _set_aside(count: int) -> Figure:
    return _best_none(
        _("Set aside in the outbox"),
        count,
        _("The bus rejects them: send them again or cancel them."),
        list_name="messaging_outboxevent",
        query="status__exact=2",
    )


def _dead_letters(count: int) -> Figure:
    return _best_none(
        _("Dead letters"),
        count,
        _("They could not be processed: retry or discard them."),
        list_name="messaging_deadletter",
        query="status__exact=open",
    )


def _lost(count: int) -> Figure:
    return _best_none(
        _("Lost records"),
        count,
        _("Kafka removed them before they were read: run manage.py reconcile --repair."),
        list_name="messaging_lostrecords",
        query="status__exact=open",
    )


def _consumers(figures: BusFigures) -> Figure:
    count, state = len(figures.consumers), FINE
    if figures.bus != "kafka":
        words = _("The web process does their work.")
    elif figures.unattended:
        state, words = BAD, " ".join(map(_unattended, figures.unattended))
    elif any(each.lacking for each in figures.consumers):
        state, words = BAD, _("Some are not given all of their topics: the list says why.")
    else:
        words = _("They are given all of their topics.")
    return Figure(_("Consumers"), str(count), state, words, "messaging_consumerstate")


def _unattended(group: Unattended) -> str:
    """Which group, since when, and what to do."""
    start = f"manage.py run_kafka_consumer --group {group.group}"
    if not group.since:
        return _("Nobody reads for %(group)s: start %(start)s.") % {
            "group": group.group,
            "start": start,
        }
    since = timezone.localtime(datetime.fromisoformat(group.since))
    return ngettext(
        "Nobody has read for %(group)s since %(since)s; %(count)d event is unread:"
        " start %(start)s.",
        "Nobody has read for %(group)s since %(since)s; %(count)d events are unread:"
        " start %(start)s.",
        group.unread,
    ) % {
        "group": group.group,
        "since": date_format(since, "SHORT_DATETIME_FORMAT"),
        "count": group.unread,
        "start": start,
    }


def _lag(figures: BusFigures) -> Figure:
    """Of the group that is furthest behind, as its consumers say."""
    known = [each for each in figures.consumers if each.lag_records is not None]
    worst = max(known, key=lambda each: each.lag_seconds or 0.0, default=None)
    title, page = _("Unread by consumers"), "messaging_consumerstate"
    if figures.bus != "kafka":
        return Figure(title, "0", FINE, _("The web process does their work."), page)
    if worst is None:
        return Figure(title, _("not known"), LOOK, _("No consumer has said how far it is."), page)
    seconds = round(worst.lag_seconds or 0.0)
    is_late = seconds > LAG_SECONDS
    words = _("The oldest has been waiting for %d s.") % seconds if seconds else _("All is read.")
    if is_late:
        words = _("%(group)s is %(seconds)d s behind: start more of its consumers.") % {
            "group": worst.group,
            "seconds": seconds,
        }
    return Figure(title, str(worst.lag_records), BAD if is_late else FINE, words, page)


def _web() -> Figure:
    alive_now = alive(WebProcess, timezone.now())
    people = sum(each.people for each in alive_now)
    rate = round(sum(each.per_minute for each in alive_now))
    words = ngettext("%d web process", "%d web processes", len(alive_now)) % len(alive_now)
    words = _("%(processes)s, %(rate)d messages a minute.") % {"processes": words, "rate": rate}
    return Figure(_("People connected"), str(people), FINE, words, "chat_webprocess")


def _webhooks(count: int) -> Figure:
    return _best_none(
        _("Webhooks switched off"),
        count,
        _("Their receivers failed for too long: new messages are not sent there."),
        list_name="chat_webhook",
        query="is_active__exact=0",
    )


def _paused(count: int, list_name: str, title: str) -> Figure:
    return _best_none(
        title,
        count,
        _("Their owners may no longer run them: take them over or delete them."),
        list_name=list_name,
        query="paused=yes",
    )


def _relay(figures: BusFigures) -> Figure:
    title, page, relay = _("Relay"), "messaging_relaystate", figures.relay
    if relay is None:
        words = _("None has run yet. Start a web process or manage.py run_outbox_relay.")
        return Figure(title, _("none"), LOOK, words, page)
    seconds = round(relay.seen_seconds_ago)
    if not figures.relays:
        words = ngettext(
            "Not heard of for %d second. Start a web process or manage.py run_outbox_relay.",
            "Not heard of for %d seconds. Start a web process or manage.py run_outbox_relay.",
            seconds,
        )
        return Figure(title, relay.bus, BAD, words % seconds, page)
    if "open" in {relay.breaker for relay in figures.relays}:
        return Figure(
            title, relay.bus, BAD, _("It cannot publish: the bus is not responding."), page
        )
    hosts = sorted({relay.host for relay in figures.relays})
    words = _("Works on %(host)s.") % {"host": ", ".join(hosts)}
    return Figure(title, relay.bus, FINE, words, page)
