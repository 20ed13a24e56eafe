"""Who works for the bus, by what each process last said of itself; and which groups have nobody.

From the database alone: it is known also where Kafka is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from django.utils import timezone

from messaging.handling.registry import Registry
from messaging.models import ConsumerState, OutboxEvent, ProcessState, RelayState
from messaging.operating.groups import names_of_group
from messaging.operating.ids_by_time import first_id_since

# Processes report every 5 s.
SILENT_SECONDS: Final = 20.0
MAX_UNREAD: Final = 1000  # counted; whether it is more makes no difference to anybody

State = TypeVar("State", bound=ProcessState)


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    host: str
    pid: int
    version: str
    per_minute: float
    seen_seconds_ago: float


@dataclass(frozen=True, slots=True)
class RelayFigures(ProcessFigures):
    """`per_minute` counts events published."""

    bus: str
    shards: int
    breaker: str
    last_error: str


@dataclass(frozen=True, slots=True)
class ConsumerFigures(ProcessFigures):
    """`per_minute` counts records finished. `lacking` has a line for each topic that it is not
    given, with why. The lag is its group's, None where it does not know."""

    group: str
    partitions: int
    lacking: Sequence[str]
    lag_records: int | None
    lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class Unattended:
    """A group with work and no consumer. `since`: when the last one was heard of or ended, in ISO
    8601; None: there was none lately. `unread`: events published since then, up to 1,000, the
    oldest of them `unread_seconds` ago."""

    group: str
    since: str | None
    last_seen_on: str
    ended_as_told: bool
    unread: int
    unread_seconds: float

    @property
    def is_problem(self) -> bool:
        """One that ends as it is told to may be meant to come again, while there is nothing."""
        return not self.ended_as_told or self.unread_seconds > SILENT_SECONDS

    def __str__(self) -> str:
        ran = f"; the last was {self.last_seen_on}, until {self.since}" if self.since else ""
        count = f"{self.unread}{' or more' if self.unread >= MAX_UNREAD else ''}"
        return (
            f"no consumer of group {names_of_group(self.group)} runs{ran}; {count} events"
            f" unread, the oldest for {self.unread_seconds:.0f} s: start"
            f" manage.py run_kafka_consumer --group {self.group}"
        )


def alive(model: type[State], now: datetime) -> list[State]:
    """Those that have been heard of lately and have not ended."""
    rows: Any = model
    found = rows.objects.filter(stopped_at=None).order_by("host", "pid")
    return [state for state in found if age(state.seen_at, now) < SILENT_SECONDS]


def relay_figures(state: RelayState, now: datetime) -> RelayFigures:
    return RelayFigures(
        **_of_process(state, now),
        bus=state.bus,
        shards=state.shards,
        breaker=state.breaker,
        last_error=state.last_error,
    )


def consumer_figures(state: ConsumerState, now: datetime) -> ConsumerFigures:
    return ConsumerFigures(
        **_of_process(state, now),
        group=state.group,
        partitions=state.partitions,
        lacking=state.lacking.splitlines(),
        lag_records=state.lag_records,
        lag_seconds=state.lag_seconds,
    )


def find_unattended(registry: Registry, attended: set[str], now: datetime) -> list[Unattended]:
    """Of groups that have something to do."""
    return [
        _unattended(registry, group, now)
        for group in registry.groups()
        if group not in attended and not registry.is_idle(group)
    ]


def age(moment: datetime | None, now: datetime) -> float:
    return round(max(0.0, (now - moment).total_seconds()), 1) if moment else 0.0


def _unattended(registry: Registry, group: str, now: datetime) -> Unattended:
    last = ConsumerState.objects.filter(group=group).order_by("-seen_at").first()
    since = last and (last.stopped_at or last.seen_at)
    published = OutboxEvent.objects.filter(
        status=OutboxEvent.Status.PUBLISHED, topic__in=registry.topics(group)
    )
    if since:
        published = published.filter(pk__gte=first_id_since(OutboxEvent, "created_at", since))
    unread = list(published.order_by("pk").values_list("created_at", flat=True)[:MAX_UNREAD])
    return Unattended(
        group=group,
        since=timezone.localtime(since).isoformat(timespec="seconds") if since else None,
        last_seen_on=str(last.host) + f":{last.pid}" if last else "",
        ended_as_told=last is None or last.stopped_at is not None,
        unread=len(unread),
        unread_seconds=age(unread[0], now) if unread else 0.0,
    )


def _of_process(state: ProcessState, now: datetime) -> dict[str, Any]:
    return {
        "host": state.host,
        "pid": state.pid,
        "version": state.version,
        "per_minute": state.per_minute,
        "seen_seconds_ago": age(state.seen_at, now),
    }
