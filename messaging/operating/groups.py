"""How far each group of handlers is, asked of Kafka: as much of it as this process may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from django.utils import timezone

from messaging.bus.adapter import PartitionLag
from messaging.bus.base_adapter import BusAdapter
from messaging.describing import describe
from messaging.errors import ConfigurationError
from messaging.handling.registry import Registry, broker_group_id

LAG_SECONDS = 60.0
FIND_LOST = "manage.py reconcile --repair finds their events and sends them again"


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """As this process may see it: `error` where it may not. `lost_records` are gone from the topic,
    and its consumers have not come that far."""

    group: str
    lag_records: int
    lag_seconds: float
    group_id: str = ""  # on the broker
    lost_records: int = 0
    is_idle: bool = False
    lacking: Sequence[str] = ()
    error: str = ""


def read_groups(adapter: BusAdapter, registry: Registry) -> list[GroupFigures]:
    """Of every group that has handlers. Raises MessagingError when Kafka does not answer."""
    topics = sorted({topic for group in registry.groups() for topic in registry.topics(group)})
    lacking = adapter.find_lacking(topics)
    return [read_group(adapter, registry, group, lacking) for group in registry.groups()]


def read_group(
    adapter: BusAdapter,
    registry: Registry,
    group: str,
    lacking: Mapping[str, str] = MappingProxyType({}),
) -> GroupFigures:
    """`lacking`: topics that are not given, with why. Raises MessagingError likewise."""
    now_ms = int(timezone.now().timestamp() * 1000)
    group_id, topics = broker_group_id(group), registry.topics(group)
    lags: Sequence[PartitionLag] = []
    error = ""
    try:
        lags = adapter.lag(group_id=group_id, topics=topics)
    except ConfigurationError as refusal:
        error = describe(refusal)
    return GroupFigures(
        group,
        sum(lag.records for lag in lags),
        round(max((lag.seconds(now_ms=now_ms) for lag in lags), default=0.0), 1),
        group_id=group_id,
        lost_records=sum(lag.lost for lag in lags),
        is_idle=registry.is_idle(group),
        lacking=[f"{topic} {lacking[topic]}" for topic in topics if topic in lacking],
        error=error,
    )


def names_of_group(group: str) -> str:
    """On the broker, and in the code where that is another."""
    group_id = broker_group_id(group)
    return group if group_id == group else f"{group_id} ({group})"


def group_problems(groups: Sequence[GroupFigures]) -> list[str]:
    """What is not read, and what to do."""
    refused = [
        f"group {names_of_group(g.group)} cannot be seen: {g.error}" for g in groups if g.error
    ]
    late = [g for g in groups if g.lag_records and g.lag_seconds > LAG_SECONDS and not g.is_idle]
    return refused + [
        f"group {names_of_group(group.group)} is {group.lag_records} records and"
        f" {group.lag_seconds:.0f} s behind: is manage.py run_kafka_consumer --group {group.group}"
        " running?"
        for group in late
    ]


def lost_problems(groups: Sequence[GroupFigures]) -> list[str]:
    """What is gone, and was not read."""
    return [
        f"{group.lost_records} records that group {names_of_group(group.group)} has not read are"
        f" gone already: start its consumers, then {FIND_LOST}"
        for group in groups
        if group.lost_records and not group.is_idle
    ]
