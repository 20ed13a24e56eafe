"""Writes down what the bus removed before a group had read it, for operators: once each."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from django.db.models import Max

from messaging.bus.adapter import LostRange
from messaging.models import HandledEvent, LostRecords

logger = logging.getLogger(__name__)


def note_lost(group: str, lost: Iterable[LostRange]) -> None:
    """Raises DatabaseUnavailableError: then the same ranges may be given again."""
    rows = [_row(group, missed) for given in lost for missed in _missed(group, given)]
    LostRecords.objects.bulk_create(rows, ignore_conflicts=True)
    for row in rows:
        logger.error(
            "Records were removed before they were read: %d offsets of %s/%d from %d on."
            " manage.py reconcile --repair finds their events and sends them again",
            row.end_offset - row.first_offset,
            row.topic,
            row.partition,
            row.first_offset,
            extra={"group": group, "topic": row.topic, "partition": row.partition},
        )


def _missed(group: str, lost: LostRange) -> Iterator[LostRange]:
    """Where the group has committed nothing, what it has handled says how far it was; a group that
    has handled nothing of the partition is new, and has missed nothing."""
    if lost.is_certain:
        yield lost
        return
    part = lost.topic_partition
    newest = HandledEvent.objects.filter(
        group=group, topic=part.topic, partition=part.partition
    ).aggregate(newest=Max("offset"))["newest"]
    if newest is not None and newest + 1 < lost.end:
        yield replace(lost, first=newest + 1)


def _row(group: str, lost: LostRange) -> LostRecords:
    return LostRecords(
        group=group,
        topic=lost.topic_partition.topic,
        partition=lost.topic_partition.partition,
        first_offset=lost.first,
        end_offset=lost.end,
    )
