"""The figures of the bus and its problems, for operators, health checks and staff pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min
from django.utils import timezone

from messaging.bus.base_adapter import BusAdapter
from messaging.describing import describe
from messaging.errors import MessagingError
from messaging.handling.registry import Registry, broker_group_id
from messaging.models import DeadLetter, OutboxEvent, RelayState
from messaging.operating.looks import Look

OLDEST_WAITING_SECONDS = 60.0
LAG_SECONDS = 60.0
RELAY_SILENT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class RelayFigures:
    bus: str
    host: str
    pid: int
    shards: int
    breaker: str
    last_error: str
    seen_seconds_ago: float


@dataclass(frozen=True, slots=True)
class GroupFigures:
    group: str
    lag_records: int
    lag_seconds: float


@dataclass(frozen=True, slots=True)
class BusFigures:
    """`kafka_status --json` prints these names: they are a contract."""

    bus: str
    outbox_waiting: int
    outbox_oldest_seconds: float
    outbox_set_aside: int
    dead_letters: int
    relay: RelayFigures | None  # the one that was seen last
    kafka_error: str = ""
    groups: Sequence[GroupFigures] = field(default_factory=list)
    relays: Sequence[RelayFigures] = field(default_factory=list)  # all that are not silent

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"problems": problems_of(self), "warnings": warnings_of(self)}


def read_figures() -> BusFigures:
    """From the database alone."""
    now = timezone.now()
    relays = [_relay(state, now) for state in RelayState.objects.order_by("-seen_at")]
    waiting = OutboxEvent.objects.waiting().aggregate(count=Count("id"), oldest=Min("created_at"))
    return BusFigures(
        bus=settings.MESSAGE_BUS,
        outbox_waiting=waiting["count"],
        outbox_oldest_seconds=_age(waiting["oldest"], now),
        outbox_set_aside=OutboxEvent.objects.set_aside().count(),
        dead_letters=DeadLetter.objects.open().count(),
        relay=relays[0] if relays else None,
        relays=[r for r in relays if r.seen_seconds_ago < RELAY_SILENT_SECONDS],
    )


def read_lag(adapter: BusAdapter, registry: Registry) -> list[GroupFigures]:
    """Of every group that has handlers. Raises MessagingError when Kafka does not answer."""
    now_ms = int(timezone.now().timestamp() * 1000)
    found = []
    for group in registry.groups():
        lags = adapter.lag(group_id=broker_group_id(group), topics=registry.topics(group))
        seconds = max((lag.seconds(now_ms=now_ms) for lag in lags), default=0.0)
        found.append(GroupFigures(group, sum(lag.records for lag in lags), round(seconds, 1)))
    return found


def problems_of(figures: BusFigures) -> list[str]:
    """What is stuck, and what to do."""
    problems = []
    if figures.kafka_error:
        problems.append(f"Kafka does not answer: {figures.kafka_error}")
    reasons = {relay.last_error for relay in figures.relays if relay.breaker == "open"}
    problems += [f"the relay cannot publish (breaker open): {why}" for why in sorted(reasons)]
    if figures.outbox_oldest_seconds > OLDEST_WAITING_SECONDS:
        problems.append(
            f"{figures.outbox_waiting} events wait in the outbox, the oldest for"
            f" {figures.outbox_oldest_seconds:.0f} s"
        )
        if not figures.relays:
            problems.append("no relay works: start a web process or manage.py run_outbox_relay")
    late = [g for g in figures.groups if g.lag_records and g.lag_seconds > LAG_SECONDS]
    return problems + [
        f"group {group.group} is {group.lag_records} records and {group.lag_seconds:.0f} s behind:"
        f" is manage.py run_kafka_consumer --group {group.group} running?"
        for group in late
    ]


def warnings_of(figures: BusFigures) -> list[str]:
    """What waits for a person; everything else goes on."""
    warnings = []
    if figures.dead_letters:
        warnings.append(f"{figures.dead_letters} dead letters: manage.py dead_letters list")
    if figures.outbox_set_aside:
        warnings.append(f"{figures.outbox_set_aside} events of the outbox are set aside: see admin")
    return warnings


def bus_problems() -> list[str]:
    """From the database alone."""
    try:
        return problems_of(read_figures())
    except DatabaseError as error:
        return [f"the bus's tables cannot be read ({describe(error)})"]


# For /readyz.
look_at_bus = Look(bus_problems, silence="the database does not answer")


def with_kafka(figures: BusFigures, adapter: BusAdapter, registry: Registry) -> BusFigures:
    """The same with each group's lag, or with the reason why it is not known."""
    try:
        adapter.ping()
        return replace(figures, groups=read_lag(adapter, registry))
    except MessagingError as error:
        return replace(figures, kafka_error=describe(error))


def _relay(state: RelayState, now: datetime) -> RelayFigures:
    return RelayFigures(
        bus=state.bus,
        host=state.host,
        pid=state.pid,
        shards=state.shards,
        breaker=state.breaker,
        last_error=state.last_error,
        seen_seconds_ago=_age(state.seen_at, now),
    )


def _age(moment: datetime | None, now: datetime) -> float:
    return round(max(0.0, (now - moment).total_seconds()), 1) if moment else 0.0
