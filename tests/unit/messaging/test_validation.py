"""What is sent and what is taken in: schema, content rules, and records made to break a reader."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from messaging.contract.events import Event
from messaging.contract.records import Headers, Record
from messaging.contract.schemas import find_schema, known_versions
from messaging.contract.validation import decode, encode, encode_value, read_json, write_json
from messaging.errors import InvalidEventError

EVENT_ID = UUID("4b1c58b6-7f39-4f6e-9d1e-0a51f7f2c001")
SECRET = "the-words-that-must-not-leak"
MAX_CALLS = 150


def a_message(**changes: Any) -> dict[str, Any]:
    message = {
        "messageId": "17",
        "chatId": "3",
        "senderId": "9",
        "content": "Hello,\n\tworld",
        "timestamp": "2026-11-23T10:15:00.123Z",
        "action": "created",
        "seq": 5,
        "revision": 8,
        "replyTo": None,
        "clientMessageId": "0dabf000-e7b9-49fb-9637-1045f2d66f94",
    }
    return message | changes


def an_event(**changes: Any) -> Event:
    fields: dict[str, Any] = {
        "event_id": EVENT_ID,
        "event_type": "message.created",
        "topic": "chat-messages",
        "key": "3",
        "schema_version": 1,
        "payload": a_message(),
        "produced_at": datetime(2026, 11, 23, 10, 15, tzinfo=UTC),
    }
    return Event(**fields | changes)


def a_record(
    value: bytes | None = None,
    *,
    key: bytes | None = b"3",
    headers: Headers | None = None,
    drop_header: str = "",
    topic: str = "chat-messages",
) -> Record:
    good_value, good_headers = encode(an_event())
    kept = tuple(h for h in (good_headers if headers is None else headers) if h[0] != drop_header)
    return Record(
        topic, 1, 42, key, good_value if value is None else value, kept, 1_700_000_000_000
    )


def with_header(name: str, content: bytes) -> Record:
    _, headers = encode(an_event())
    return a_record(headers=(*(h for h in headers if h[0] != name), (name, content)))


class TestEncode:
    def test_comes_back_the_same_through_decode(self) -> None:
        value, headers = encode(
            an_event(),
            produced_at=datetime(2026, 11, 23, 10, 15, tzinfo=UTC),
            traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        )
        event = decode(Record("chat-messages", 0, 7, b"3", value, headers, 0))
        assert event.payload == a_message()
        assert (event.event_id, event.event_type, event.key) == (EVENT_ID, "message.created", "3")
        assert event.produced_at == datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
        assert event.traceparent is not None
        assert event.position is not None
        assert event.position.offset == 7

    def test_writes_plain_json_that_any_reader_understands(self) -> None:
        value, _ = encode(an_event(payload=a_message(content="Привет 👨‍👩‍👧")))
        assert json.loads(value)["content"] == "Привет 👨‍👩‍👧"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"content": f"{SECRET}\0"}, "pattern"),
            ({"content": f"{SECRET}\x0b"}, "pattern"),
            ({"content": f"{SECRET}\x1b[31m"}, "pattern"),
            ({"content": f"{SECRET}\x85"}, "pattern"),
            ({"content": ""}, "minLength"),
            ({"content": SECRET * 1000}, "maxLength 4000"),
            ({"content": f"{SECRET}\ud800"}, "surrogates"),
            ({"content": SECRET, "action": "deleted"}, "maxLength 0"),
            ({"content": 5}, "type string"),
            ({"action": SECRET}, "enum"),
            ({"seq": 0}, "minimum"),
            ({"seq": 1.5}, "type integer"),
            ({"seq": 1e300}, "maximum"),
            ({"revision": "8"}, "type integer"),
            ({"timestamp": SECRET}, "date-time"),
            ({"messageId": 17}, "messageId"),
            ({"chatId": ""}, "chatId"),
            ({"replyTo": 5}, "replyTo"),
            ({"extra": f"{SECRET}\0"}, "NUL"),
            ({"extra": {f"{SECRET}\0": [1]}}, "NUL"),
            ({"extra": [[f"{SECRET}\0"]]}, "NUL"),
            ({"extra": object()}, "JSON"),
            ({"extra": 2**70}, "64-bit"),
        ],
    )
    def test_refuses_what_breaks_the_contract_and_never_quotes_it(
        self, changes: dict[str, Any], reason: str
    ) -> None:
        action = changes.get("action", "created")
        with pytest.raises(InvalidEventError, match=reason) as caught:
            encode_value(an_event(payload=a_message(**changes), event_type=f"message.{action}"))
        assert SECRET not in str(caught.value)

    @pytest.mark.parametrize("field", ["messageId", "chatId", "senderId", "content", "timestamp"])
    def test_names_a_missing_field(self, field: str) -> None:
        payload = a_message()
        del payload[field]
        with pytest.raises(InvalidEventError, match=f"missing: {field}"):
            encode_value(an_event(payload=payload))

    @pytest.mark.parametrize(
        "content",
        [
            "a" * 4000,
            "👍" * 4000,
            "\u202eabc",
            "e" + "\u0301" * 1000,
            r"\u0000",
            "</script>",
            "\u200b",
        ],
    )
    def test_keeps_content_byte_for_byte(self, content: str) -> None:
        value = encode_value(an_event(payload=a_message(content=content)))
        assert json.loads(value)["content"] == content

    def test_takes_an_empty_content_for_a_deleted_message(self) -> None:
        payload = a_message(content="", action="deleted")
        assert encode_value(an_event(payload=payload, event_type="message.deleted"))

    def test_lets_unknown_fields_pass(self) -> None:
        value = encode_value(an_event(payload=a_message(mood={"of": ["the", 1]})))
        assert json.loads(value)["mood"] == {"of": ["the", 1]}

    @pytest.mark.parametrize("event_type", ["message.edited", "message.exploded", ""])
    def test_refuses_a_type_that_does_not_agree_with_the_action(self, event_type: str) -> None:
        with pytest.raises(InvalidEventError, match="event-type"):
            encode_value(an_event(event_type=event_type))

    def test_refuses_an_unknown_topic_and_an_unknown_version(self) -> None:
        with pytest.raises(InvalidEventError, match="no schema"):
            encode_value(an_event(topic="elsewhere"))
        with pytest.raises(InvalidEventError, match=r"version 9 .* known: 1"):
            encode_value(an_event(schema_version=9))

    def test_refuses_a_value_that_no_broker_takes(self) -> None:
        with pytest.raises(InvalidEventError, match="1000000 bytes"):
            encode_value(an_event(payload=a_message(extra="x" * 1_000_001)))

    def test_costs_few_calls(self) -> None:
        """A core does some forty thousand checks of so many calls a second: bench/validation.py."""
        event, record = an_event(), a_record()
        for work in (lambda: encode_value(event), lambda: decode(record)):
            work()  # the schema is compiled once
            assert calls_of(work) <= MAX_CALLS


def calls_of(work: Callable[[], object]) -> int:
    """How many functions it calls, those in C, too: what it costs, on whatever machine."""
    events: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, argument: events.update([event]))
    try:
        work()
    finally:
        sys.setprofile(None)
    return events["call"] + events["c_call"]


class TestDecode:
    @pytest.mark.parametrize(
        ("record", "reason"),
        [
            (a_record(b""), "empty"),
            (a_record(b"  \n"), "empty"),
            (Record("chat-messages", 0, 0, b"3", None, (), 0), "tombstone"),
            (a_record(b"{" + SECRET.encode()), "not JSON"),
            (a_record(b"\xff\xff\xff"), "not JSON"),
            (a_record(b'{"messageId": NaN}'), "not JSON"),
            (a_record(b"[" * 10_000 + b"]" * 10_000), "not JSON"),
            (a_record(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), "not JSON"),
            (a_record(b'{"seq": ' + b"9" * 5000 + b"}"), "not JSON"),
            (a_record(b'{"content": "\\ud800"}'), "not JSON"),
            (a_record(b"null"), "object"),
            (a_record(b"[1]"), "object"),
            (a_record(b'"' + SECRET.encode() + b'"'), "object"),
            (a_record(b'{"x":' + b"[" * 900 + b'"\\u0000"' + b"]" * 900 + b"}"), "NUL"),
            (a_record(b'{"x": "' + b"y" * 1_000_001 + b'"}'), "1000000 bytes"),
            (a_record(b"{}"), "missing"),
            (a_record(key=None), "no key"),
            (a_record(key=b""), "no key"),
            (a_record(key=b"\xff"), "key is not UTF-8"),
            (a_record(key=b"a\0b"), "key"),
            (a_record(key=b"a" * 129), "key"),
            (a_record(drop_header="event-id"), "event-id"),
            (with_header("event-id", b"17"), "event-id"),
            (with_header("event-id", b"\xff" * 36), "event-id"),
            (a_record(drop_header="event-type"), "event-type"),
            (with_header("event-type", SECRET.encode()), "event-type"),
            (with_header("event-type", b"message.deleted"), "event-type"),
            (a_record(drop_header="schema-version"), "schema-version"),
            (with_header("schema-version", b"99"), "unknown"),
            (with_header("schema-version", b"1.0"), "schema-version"),
            (with_header("schema-version", b"9" * 5000), "schema-version"),
            (with_header("produced-at", SECRET.encode()), "produced-at"),
            (with_header("produced-at", b"\xff"), "produced-at"),
            (a_record(topic="elsewhere"), "no schema"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_sets_poison_apart_and_never_quotes_it(self, record: Record, reason: str) -> None:
        with pytest.raises(InvalidEventError, match=reason) as caught:
            decode(record)
        assert SECRET not in str(caught.value)
        assert len(str(caught.value)) < 200

    def test_takes_the_records_own_time_when_no_other_is_given(self) -> None:
        event = decode(a_record(drop_header="produced-at"))
        assert event.produced_at == datetime.fromtimestamp(1_700_000_000, UTC)

    def test_drops_a_broken_traceparent_and_keeps_the_event(self) -> None:
        assert decode(with_header("traceparent", b"nonsense")).traceparent is None

    def test_takes_the_last_of_a_header_given_twice(self) -> None:
        _, headers = encode(an_event())
        other = "00000000-0000-4000-8000-000000000000"
        record = a_record(headers=(*headers, ("event-id", other.encode())))
        assert decode(record).event_id == UUID(other)


class TestPlainRecords:
    """See Note [Plain records] in messaging/contract/validation.py."""

    SEED = (
        b'{"messageId":"m1","chatId":"c1","senderId":"u1","content":"hi",'
        b'"timestamp":"2026-11-23T10:15:00.000Z"}'
    )

    def test_are_events_of_version_one(self) -> None:
        event = decode(a_record(self.SEED, key=b"m1", headers=()))
        assert (event.event_type, event.schema_version, event.key) == ("message.created", 1, "m1")

    def test_take_their_type_from_their_fields(self) -> None:
        value = self.SEED.replace(b'"hi"', b'"ho","action":"edited"')
        assert decode(a_record(value, headers=())).event_type == "message.edited"

    def test_are_one_event_wherever_they_stand(self) -> None:
        first = Record("chat-messages", 0, 1, b"m1", self.SEED, (), 1)
        again = Record("chat-messages", 2, 9, b"m1", self.SEED, (("other", b"1"),), 2)
        edited = Record("chat-messages", 0, 2, b"m1", self.SEED.replace(b"hi", b"ho"), (), 1)
        assert decode(first).event_id == decode(again).event_id
        assert decode(first).event_id != decode(edited).event_id

    def test_are_checked_like_all_others(self) -> None:
        with pytest.raises(InvalidEventError, match="missing: senderId"):
            decode(a_record(self.SEED.replace(b"senderId", b"sender"), headers=()))


class TestDeliveryStatus:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"status": "lost"}, "status"),
            ({"status": "read", "userId": None}, "userId"),
            ({"status": "error", "messageId": None}, "messageId"),
            ({"detail": "x" * 1001}, "detail"),
        ],
    )
    def test_refuses_what_breaks_the_contract(self, changes: dict[str, Any], reason: str) -> None:
        status = {
            "messageId": "17",
            "chatId": "3",
            "userId": "9",
            "status": "read",
            "seq": 5,
            "timestamp": "2026-11-23T10:15:00Z",
        }
        with pytest.raises(InvalidEventError, match=reason):
            find_schema("message-delivery-status", 1).check(status | changes)


class TestGoldenSamples:
    """tests/contract/golden holds samples of every version; a published one must stay readable."""

    FOLDER = Path(__file__).parents[2] / "contract" / "golden"
    SAMPLES = sorted(FOLDER.glob("*.json"))

    @pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
    def test_are_read_as_they_were_meant(self, file: Path) -> None:
        topic, version = file.stem.rsplit(".v", 1)
        for sample in json.loads(file.read_text()):
            headers = tuple((name, text.encode()) for name, text in sample["headers"].items())
            value = json.dumps(sample["value"]).encode()
            event = decode(Record(topic, 0, 0, sample["key"].encode(), value, headers, 0))
            assert event.event_type == sample["event_type"]
            assert event.schema_version == int(version)
            assert read_json(write_json(event.payload)) == sample["value"]

    def test_exist_for_every_version_of_every_topic(self) -> None:
        names = {file.stem for file in self.SAMPLES}
        for topic in ("chat-messages", "message-delivery-status"):
            versions = known_versions(topic)
            assert versions
            assert {f"{topic}.v{version}" for version in versions} <= names
