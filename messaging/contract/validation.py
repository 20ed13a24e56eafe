"""Between an event and its record: checks and writes what goes out, checks and reads what came in.

Reasons name fields and rules, never content: they go to logs and to dead letters' headers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid5

import orjson

from messaging.contract.events import (
    EVENT_ID,
    EVENT_TYPE,
    PRODUCED_AT,
    SCHEMA_VERSION,
    TRACEPARENT,
    Event,
)
from messaging.contract.records import MAX_RECORD_BYTES, Headers, Record, RecordPosition
from messaging.contract.schemas import TopicSchema, find_schema
from messaging.errors import InvalidEventError

PLAIN_NAMESPACE = UUID("6d4a1f0e-5a0c-4c39-9f5e-2b7c8a1d3e60")
PLAIN_VERSION = 1
OUR_HEADERS = frozenset({EVENT_ID, EVENT_TYPE, SCHEMA_VERSION, PRODUCED_AT})
TRACEPARENT_FORM = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
UUID_FORM = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
VERSION_FORM = re.compile(rb"[1-9][0-9]{0,3}")
ESCAPED_NUL = b"\\u0000"


class Writable(Protocol):
    """An event that can be written: `Event`, or the outbox's `NewEvent`."""

    @property
    def topic(self) -> str: ...
    @property
    def event_id(self) -> UUID: ...
    @property
    def event_type(self) -> str: ...
    @property
    def schema_version(self) -> int: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...


def encode(
    event: Writable, *, produced_at: datetime | None = None, traceparent: str | None = None
) -> tuple[bytes, Headers]:
    """The value and the headers of an event's record; `produced_at` is now when not given.

    Raises InvalidEventError when the event breaks its topic's schema or the content rules.
    """
    return encode_value(event), encode_headers(
        event_id=event.event_id,
        event_type=event.event_type,
        schema_version=event.schema_version,
        produced_at=produced_at or datetime.now(UTC),
        traceparent=traceparent,
    )


def encode_value(event: Writable) -> bytes:
    """The payload, checked, as the bytes that will be sent. Raises InvalidEventError."""
    schema = find_schema(event.topic, event.schema_version)
    schema.check(event.payload)
    _check_type(schema, event.event_type, event.payload)
    return write_json(event.payload)


def encode_headers(
    *,
    event_id: UUID,
    event_type: str,
    schema_version: int,
    produced_at: datetime,
    traceparent: str | None = None,
) -> Headers:
    headers: Headers = (
        (EVENT_ID, str(event_id).encode()),
        (EVENT_TYPE, event_type.encode()),
        (SCHEMA_VERSION, b"%d" % schema_version),
        (PRODUCED_AT, produced_at.isoformat(timespec="milliseconds").encode()),
    )
    return (*headers, (TRACEPARENT, traceparent.encode())) if traceparent else headers


def write_json(message: Mapping[str, Any]) -> bytes:
    """Strict JSON. Raises InvalidEventError: lone surrogate, NUL, an unknown type, too large."""
    try:
        value = orjson.dumps(message)
    except TypeError as error:
        # orjson names the type or the rule here, not the value.
        raise InvalidEventError(f"cannot be written as JSON: {error}") from None
    _check_bytes(value, message)
    return value


def read_json(value: bytes | None) -> dict[str, Any]:
    """The JSON object in a record's value. Raises InvalidEventError."""
    if value is None:
        raise InvalidEventError("no value (a tombstone)")
    if not value.strip():
        raise InvalidEventError("the value is empty")
    try:
        message = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise InvalidEventError(f"not JSON (line {error.lineno} column {error.colno})") from None
    if not isinstance(message, dict):
        raise InvalidEventError("the value is not a JSON object")
    _check_bytes(value, message)
    return message


def check_message(topic: str, message: Any, *, version: int = PLAIN_VERSION) -> None:
    """Raises InvalidEventError when a plain message breaks the schema of its topic."""
    find_schema(topic, version).check(message)


def decode(record: Record) -> Event:
    """The event in a record. Raises InvalidEventError.

    Note [Plain records]: a record with none of our headers is what the seed's `publish` writes. It
    is taken as version 1, its type follows from its fields, and its event id from topic, key and
    value, so that the same record sent twice is one event. One with some of the headers is broken.
    """
    headers = dict(record.headers)
    key = _read_key(record.key)
    payload = read_json(record.value)
    is_plain = OUR_HEADERS.isdisjoint(headers)
    schema = find_schema(record.topic, PLAIN_VERSION if is_plain else _read_version(headers))
    schema.check(payload)
    event_type = schema.event_type(payload)
    if is_plain:
        event_id = _plain_id(record)
    else:
        event_id = _read_event_id(headers)
        _check_type(schema, headers.get(EVENT_TYPE, b"").decode(errors="replace"), payload)
    return Event(
        event_id=event_id,
        event_type=event_type,
        topic=record.topic,
        key=key,
        schema_version=schema.version,
        payload=payload,
        produced_at=_read_produced_at(headers, record.timestamp_ms),
        position=RecordPosition(record.topic, record.partition, record.offset),
        traceparent=_read_traceparent(headers),
    )


def _check_type(schema: TopicSchema, event_type: str, payload: Mapping[str, Any]) -> None:
    if event_type != schema.event_type(payload):
        raise InvalidEventError(
            f"{EVENT_TYPE} is unknown or does not agree with the field {schema.type_field}"
        )


def _check_bytes(value: bytes, message: Any) -> None:
    if len(value) > MAX_RECORD_BYTES:
        raise InvalidEventError(f"the value is over {MAX_RECORD_BYTES} bytes")
    # JSON can hold NUL only as this escape; the bytes may also be a backslash that was written so.
    if ESCAPED_NUL in value and _holds_nul(message):
        raise InvalidEventError("a string holds NUL")


def _holds_nul(message: Any) -> bool:
    waiting = [message]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, Mapping):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
    return False


def _read_key(key: bytes | None) -> str:
    if not key:
        raise InvalidEventError("the record has no key")
    try:
        text = key.decode()
    except UnicodeDecodeError:
        raise InvalidEventError("the key is not UTF-8") from None
    if "\0" in text or len(text) > 128:
        raise InvalidEventError("the key is over 128 characters or holds NUL")
    return text


def _read_version(headers: Mapping[str, bytes]) -> int:
    version = headers.get(SCHEMA_VERSION, b"")
    if not VERSION_FORM.fullmatch(version):
        raise InvalidEventError(f"no {SCHEMA_VERSION} header, or not a number")
    return int(version)


def _read_event_id(headers: Mapping[str, bytes]) -> UUID:
    event_id = headers.get(EVENT_ID, b"")
    if not UUID_FORM.fullmatch(event_id):
        raise InvalidEventError(f"no {EVENT_ID} header, or not a UUID")
    return UUID(event_id.decode())


def _plain_id(record: Record) -> UUID:
    parts = (record.topic.encode(), record.key or b"", record.value or b"")
    return uuid5(PLAIN_NAMESPACE, b"\0".join(parts).decode(errors="replace"))


def _read_produced_at(headers: Mapping[str, bytes], timestamp_ms: int) -> datetime:
    given = headers.get(PRODUCED_AT)
    try:
        if given is None:
            return datetime.fromtimestamp(timestamp_ms / 1000, UTC)
        produced_at = datetime.fromisoformat(given.decode())
    except (ValueError, OverflowError, OSError):
        raise InvalidEventError(f"{PRODUCED_AT} is not an ISO 8601 time") from None
    return produced_at if produced_at.tzinfo else produced_at.replace(tzinfo=UTC)


def _read_traceparent(headers: Mapping[str, bytes]) -> str | None:
    """A broken one is dropped: it helps those who look, and is not worth a dead letter."""
    given = headers.get(TRACEPARENT, b"")
    return given.decode() if TRACEPARENT_FORM.fullmatch(given) else None
