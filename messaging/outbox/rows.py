"""How the relay reads the outbox and records the outcome of its rows, many at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import F
from django.utils import timezone

from messaging.contract.records import RecordPosition
from messaging.errors import InvalidEventError
from messaging.models import OutboxEvent
from messaging.outbox.shards import ALL_SHARDS, SHARD_OF_KEY, Shards

Lane = tuple[str, str]  # topic and key: what must stay in order


class OutboxRow(NamedTuple):
    """A waiting event. `payload` is the text that will be sent."""

    id: int
    event_id: UUID
    topic: str
    key: str
    event_type: str
    schema_version: int
    payload: str
    traceparent: str
    created_at: datetime
    attempts: int

    @property
    def lane(self) -> Lane:
        return self.topic, self.key

    def parsed(self) -> Mapping[str, Any]:
        """Raises InvalidEventError."""
        try:
            payload = orjson.loads(self.payload)
        except orjson.JSONDecodeError as error:
            raise InvalidEventError(f"the payload is not JSON (column {error.colno})") from None
        if not isinstance(payload, dict):
            raise InvalidEventError("the payload is not a JSON object")
        return payload


# `status = 0`: waiting, written as the index's condition is.
FIND_SHARDS = """
    SELECT shard FROM unnest(%s::integer[]) AS shard
    WHERE EXISTS (
        SELECT FROM messaging_outboxevent WHERE status = 0 AND {shard_of_key} = shard
    )
""".replace("{shard_of_key}", SHARD_OF_KEY)
READ_SHARD = """(
    SELECT {columns} FROM messaging_outboxevent
    WHERE status = 0 AND {shard_of_key} = {shard} {unless_held} ORDER BY id LIMIT {limit}
)"""
READ_MERGED = "SELECT * FROM ({parts}) AS waiting ORDER BY id LIMIT {limit}"
UNLESS_HELD = "AND (topic, key) NOT IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
UNLESS_TOPIC_HELD = "AND topic <> ALL(%s::text[])"


def read_waiting(
    *,
    limit: int,
    held: Collection[Lane] = (),
    held_topics: Collection[str] = (),
    shards: Shards = ALL_SHARDS,
) -> list[OutboxRow]:
    """The oldest waiting rows of these shards, in order, except for lanes and topics that are held
    back.

    Where a database has no shards, all rows.
    """
    if connection.vendor == "postgresql":
        return _read_shards(limit, held, held_topics, shards)
    waiting = OutboxEvent.objects.waiting().without_keys(held)
    query = waiting.exclude(topic__in=held_topics).order_by("id")
    return [OutboxRow(*row) for row in query.values_list(*OutboxRow._fields)[:limit]]


def _read_shards(
    limit: int, held: Collection[Lane], held_topics: Collection[str], shards: Shards
) -> list[OutboxRow]:
    """Each shard's rows lie in order in the index; PostgreSQL merges them until it has enough.
    Planning that takes a while for each shard, so only those that have any rows are named.
    """
    with connection.cursor() as cursor:
        cursor.execute(FIND_SHARDS, [list(shards)])
        found = [shard for (shard,) in cursor.fetchall()]
        if not found:
            return []
        given = [list(column) for column in zip(*held, strict=True)]
        unless = UNLESS_HELD if held else ""
        if held_topics:
            given.append(list(held_topics))
            unless += f" {UNLESS_TOPIC_HELD}"
        parts = (_read_shard(shard, limit, unless) for shard in found)
        query = READ_MERGED.format(parts=" UNION ALL ".join(parts), limit=limit)
        cursor.execute(query, given * len(found))
        return [OutboxRow(*row) for row in cursor.fetchall()]


def _read_shard(shard: int, limit: int, unless_held: str) -> str:
    return READ_SHARD.format(
        columns=", ".join(OutboxRow._fields),
        shard_of_key=SHARD_OF_KEY,
        shard=shard,
        unless_held=unless_held,
        limit=limit,
    )


def mark_published(published: Sequence[tuple[OutboxRow, RecordPosition | None]]) -> None:
    if not published:
        return
    places = [(row.id, *place_of(position)) for row, position in published]
    now, state = timezone.now(), OutboxEvent.Status.PUBLISHED.value
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            ids, partitions, offsets = (list(column) for column in zip(*places, strict=True))
            cursor.execute(
                "UPDATE messaging_outboxevent AS o SET status = %s, published_at = %s,"
                " last_error = '',"
                ' attempts = attempts + 1, partition = p.partition, "offset" = p."offset"'
                " FROM unnest(%s::bigint[], %s::integer[], %s::bigint[])"
                ' AS p(id, partition, "offset") WHERE o.id = p.id',
                [state, now, ids, partitions, offsets],
            )
        else:
            cursor.executemany(
                "UPDATE messaging_outboxevent SET status = %s, published_at = %s, last_error = '',"
                ' attempts = attempts + 1, partition = %s, "offset" = %s WHERE id = %s',
                [(state, now, partition, offset, id_) for id_, partition, offset in places],
            )


def place_of(position: RecordPosition | None) -> tuple[int | None, int | None]:
    return (position.partition, position.offset) if position else (None, None)


def mark_set_aside(row: OutboxRow, reason: str) -> None:
    OutboxEvent.objects.filter(pk=row.id).update(
        status=OutboxEvent.Status.ERROR, attempts=F("attempts") + 1, last_error=reason
    )


def mark_failed(rows: Sequence[OutboxRow], reason: str) -> None:
    """They still wait; their attempts are counted."""
    OutboxEvent.objects.filter(pk__in=[row.id for row in rows]).update(
        attempts=F("attempts") + 1, last_error=reason
    )
