"""The figures of the bus and its problems, for operators, health checks and staff pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, F, Min, Sum
from django.utils import timezone

from messaging.bus.base_adapter import BusAdapter
from messaging.bus.configuration import is_embedded
from messaging.describing import describe
from messaging.errors import ConfigurationError, MessagingError, TopicLackingError
from messaging.handling.registry import Registry, registry
from messaging.models import ConsumerState, DeadLetter, LostRecords, OutboxEvent, RelayState
from messaging.operating.groups import (
    FIND_LOST,
    GroupFigures,
    group_problems,
    lost_problems,
    names_of_group,
    read_groups,
)
from messaging.operating.looks import Look
from messaging.operating.processes import (
    ConsumerFigures,
    RelayFigures,
    Unattended,
    age,
    alive,
    consumer_figures,
    find_unattended,
    relay_figures,
)

OLDEST_WAITING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LostFigures:
    """What was removed before a group had read it, and is not settled."""

    group: str
    topic: str
    records: int


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
    kafka_refuses: bool = False  # it answers, and the error is a refusal
    groups: Sequence[GroupFigures] = field(default_factory=list)
    relays: Sequence[RelayFigures] = field(default_factory=list)  # all that are not silent
    consumers: Sequence[ConsumerFigures] = field(default_factory=list)  # likewise
    lost: Sequence[LostFigures] = field(default_factory=list)
    unattended: Sequence[Unattended] = field(default_factory=list)  # groups without a consumer

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"problems": problems_of(self), "warnings": warnings_of(self)}


def read_figures(registry: Registry = registry) -> BusFigures:
    """From the database alone."""
    now = timezone.now()
    last_relay = RelayState.objects.order_by("-seen_at").first()
    consumers = alive(ConsumerState, now)
    attended = {state.group for state in consumers}
    waiting = OutboxEvent.objects.waiting().aggregate(count=Count("id"), oldest=Min("created_at"))
    return BusFigures(
        bus=settings.MESSAGE_BUS,
        outbox_waiting=waiting["count"],
        outbox_oldest_seconds=age(waiting["oldest"], now),
        outbox_set_aside=OutboxEvent.objects.set_aside().count(),
        dead_letters=DeadLetter.objects.open().count(),
        relay=relay_figures(last_relay, now) if last_relay else None,
        relays=[relay_figures(state, now) for state in alive(RelayState, now)],
        consumers=[consumer_figures(state, now) for state in consumers],
        unattended=[] if is_embedded() else find_unattended(registry, attended, now),
        lost=[
            LostFigures(**found)
            for found in LostRecords.objects.open()
            .values("group", "topic")
            .annotate(records=Sum(F("end_offset") - F("first_offset")))
            .order_by("group", "topic")
        ],
    )


def problems_of(figures: BusFigures) -> list[str]:
    """What is stuck, unattended or lost, and what to do."""
    unattended = [str(each) for each in figures.unattended if each.is_problem]
    return [*stuck_of(figures), *unattended, *_lost_problems(figures)]


def stuck_of(figures: BusFigures) -> list[str]:
    """What does not go on by itself now, seen from a web process. Nothing there waits for what was
    lost, or for consumers."""
    problems = []
    if figures.kafka_error:
        does = "refuses" if figures.kafka_refuses else "does not answer"
        problems.append(f"Kafka {does}: {figures.kafka_error}")
    return [
        *problems,
        *_outbox_problems(figures),
        *consumer_problems(figures),
        *group_problems(figures.groups),
    ]


def consumer_problems(figures: BusFigures) -> list[str]:
    """Topics that running consumers say they are not given; then those that this process is not."""
    told = dict.fromkeys((each.group, line) for each in figures.consumers for line in each.lacking)
    seen = dict.fromkeys((each.group, line) for each in figures.groups for line in each.lacking)
    return [
        *(f"group {names_of_group(group)} is not given topic {line}" for group, line in told),
        *(
            f"topic {line}: what group {names_of_group(group)} has of it is not seen from here"
            for group, line in seen
            if (group, line) not in told
        ),
    ]


def _outbox_problems(figures: BusFigures) -> list[str]:
    is_late = figures.outbox_oldest_seconds > OLDEST_WAITING_SECONDS
    reasons = {relay.last_error for relay in figures.relays if relay.breaker == "open"}
    problems = [f"the relay cannot publish (breaker open): {why}" for why in sorted(reasons)]
    held = {relay.last_error for relay in figures.relays if relay.last_error} - reasons
    problems += [
        f"the relay holds events back: {why}"
        for why in sorted(held)
        if is_late or why.startswith(TopicLackingError.__name__)
    ]
    if is_late:
        problems.append(
            f"{figures.outbox_waiting} events wait in the outbox, the oldest for"
            f" {figures.outbox_oldest_seconds:.0f} s"
        )
        if not figures.relays:
            problems.append("no relay works: start a web process or manage.py run_outbox_relay")
    return problems


def _lost_problems(figures: BusFigures) -> list[str]:
    told = [
        f"{each.records} records of {each.topic} were removed before group"
        f" {names_of_group(each.group)} read them: {FIND_LOST}"
        for each in figures.lost
    ]
    return told + lost_problems(figures.groups)


def warnings_of(figures: BusFigures) -> list[str]:
    """What waits for a person; everything else goes on."""
    warnings = []
    if figures.dead_letters:
        warnings.append(f"{figures.dead_letters} dead letters: manage.py dead_letters list")
    if figures.outbox_set_aside:
        warnings.append(f"{figures.outbox_set_aside} events of the outbox are set aside: see admin")
    return warnings


def bus_problems() -> list[str]:
    """What is stuck, from the database alone."""
    try:
        return stuck_of(read_figures())
    except DatabaseError as error:
        return [f"the bus's tables cannot be read ({describe(error)})"]


def bus_warnings() -> list[str]:
    """What somebody must look after, though it keeps no web process from working."""
    try:
        figures = read_figures()
    except DatabaseError:
        return []  # that is a problem, and is said as one
    stuck = stuck_of(figures)
    return [each for each in problems_of(figures) if each not in stuck] + warnings_of(figures)


# For /readyz.
look_at_bus = Look(bus_problems, silence="the database does not answer")
look_for_warnings = Look(bus_warnings, silence="the database does not answer")


def with_kafka(figures: BusFigures, adapter: BusAdapter, registry: Registry) -> BusFigures:
    """The same with each group's lag, or with the reason why it is not known."""
    try:
        adapter.ping()
        return replace(figures, groups=read_groups(adapter, registry))
    except MessagingError as error:
        refuses = isinstance(error, ConfigurationError)
        return replace(figures, kafka_error=describe(error), kafka_refuses=refuses)
