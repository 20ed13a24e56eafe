"""One moment of the database, in which messages, outbox and handled events can be compared while
people write: and the outbox in it by chat and message, which the table itself is not ordered by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils.dateparse import parse_datetime

from chat.events.topics import MESSAGES_TOPIC
from messaging.models import OutboxEvent

ROWS_AT_ONCE = 5000
FIELDS = (
    *("id", "event_id", "topic", "key", "payload", "status", "created_at", "published_at"),
    *("partition", "offset"),
)
COLUMNS = (
    "pk bigint, event_id {uuid}, topic varchar(249), chat_id bigint, message_id bigint,"
    " action varchar(10), seq bigint, revision bigint, happened_at {time}, status smallint,"
    " published_at {time}, part integer, off bigint"
)
TYPES = {
    "postgresql": {"uuid": "uuid", "time": "timestamptz"},
    "sqlite": {"uuid": "char(32)", "time": "datetime"},
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is looked at; None: everything."""

    chat_id: int | None = None
    since: datetime | None = None

    def sql(self, chat: str, moment: str | None = None) -> tuple[str, list[Any]]:
        """A condition on these columns, and its parameters."""
        conditions, parameters = ["true"], []
        if self.chat_id is not None:
            conditions.append(f"{chat} = %s")
            parameters.append(self.chat_id)
        if self.since is not None and moment:
            conditions.append(f"{moment} >= %s")
            parameters.append(adapted(self.since))
        return " AND ".join(conditions), parameters


@contextmanager
def snapshot() -> Iterator[None]:
    """What was committed before its beginning is seen, and nothing of what comes after.

    Nobody waits for it, whatever its length.
    """
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield
        return
    with connection.cursor() as cursor:
        # Django's own transactions take the right to write at once, and writers would wait.
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("COMMIT")


def index_outbox(scope: Scope, on_progress: Callable[[int], object]) -> int:
    """Makes the table `reconcile_event`, which ends with the connection; how many events it has."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS reconcile_event")
        columns = COLUMNS.format(**TYPES[connection.vendor])
        cursor.execute(f"CREATE TEMPORARY TABLE reconcile_event ({columns})")
        count = 0
        for rows in _outbox(scope):
            _insert([_indexed(row) for row in rows])
            count += len(rows)
            on_progress(count)
        for name, column in (("message", "message_id"), ("revision", "chat_id, revision")):
            cursor.execute(f"CREATE INDEX reconcile_{name} ON reconcile_event ({column})")
        cursor.execute("CREATE INDEX reconcile_event_id ON reconcile_event (event_id)")
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE reconcile_event")
    return count


def query(sql: str, parameters: list[Any] | None = None) -> Iterator[tuple[Any, ...]]:
    """Its rows, a part at a time: from the server's side where there is one."""
    if connection.vendor == "postgresql" and connection.in_atomic_block:
        with connection.chunked_cursor() as cursor:
            cursor.execute(sql, parameters)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield from rows
        return
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            yield from rows


def adapted(moment: datetime) -> Any:
    """As a column of the database holds it."""
    return connection.ops.adapt_datetimefield_value(moment)


def aware(moment: Any) -> datetime:
    """SQLite gives text to those who ask without the ORM."""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def adapted_uuid(event_id: Any) -> Any:
    return event_id if connection.vendor == "postgresql" else event_id.hex


def _outbox(scope: Scope) -> Iterator[list[tuple[Any, ...]]]:
    rows = OutboxEvent.objects.order_by("id")
    if scope.chat_id is not None:
        rows = rows.filter(key=str(scope.chat_id))
    if scope.since is not None:
        rows = rows.filter(created_at__gte=scope.since)
    last = 0
    while found := list(rows.filter(id__gt=last).values_list(*FIELDS)[:ROWS_AT_ONCE]):
        last = found[-1][0]
        yield found


def _indexed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    pk, event_id, topic, key, payload, status, created_at, published_at, partition, offset = row
    told = _read(payload) if topic == MESSAGES_TOPIC else {}
    happened_at = _moment(told.get("timestamp")) or created_at
    return (
        pk,
        adapted_uuid(event_id),
        topic,
        _number(key),
        _number(told.get("messageId")),
        str(told.get("action", "created"))[:10] if topic == MESSAGES_TOPIC else None,
        _number(told.get("seq")),
        _number(told.get("revision")),
        adapted(happened_at),
        status,
        adapted(published_at) if published_at else None,
        partition,
        offset,
    )


def _insert(rows: list[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy("COPY reconcile_event FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO reconcile_event VALUES ({places})", rows)  # noqa: S608  no words of anybody's


def _read(payload: str) -> dict[str, Any]:
    """What cannot be read tells of no message."""
    try:
        told = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _moment(text: Any) -> datetime | None:
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def parts(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    part: list[tuple[Any, ...]] = []
    for row in rows:
        part.append(row)
        if len(part) == 500:
            yield part
            part = []
    if part:
        yield part
