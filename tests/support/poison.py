"""Records that must never reach a handler, one of each kind."""

from __future__ import annotations

from messaging.contract.records import OutgoingRecord
from messaging.contract.validation import encode
from tests.support.bus_parts import TOPIC, message_event


def poison() -> dict[str, OutgoingRecord]:
    value, headers = encode(message_event(1, 1))
    changed = dict(headers)

    def with_header(name: str, content: bytes) -> tuple[tuple[str, bytes], ...]:
        return tuple((changed | {name: content}).items())

    return {
        "bad JSON": OutgoingRecord(TOPIC, "1", b'{"messageId": ', headers),
        "empty": OutgoingRecord(TOPIC, "1", b"", headers),
        "tombstone": OutgoingRecord(TOPIC, "1", None, headers),
        "0xFF bytes": OutgoingRecord(TOPIC, "1", b"\xff" * 100, headers),
        "no key": OutgoingRecord(TOPIC, None, value, headers),
        "wrong version": OutgoingRecord(TOPIC, "1", value, with_header("schema-version", b"99")),
        "unknown type": OutgoingRecord(TOPIC, "1", value, with_header("event-type", b"x.y")),
        "no event id": OutgoingRecord(TOPIC, "1", value, with_header("event-id", b"7")),
        "10,000 levels": OutgoingRecord(TOPIC, "1", b"[" * 10_000 + b"]" * 10_000, headers),
        "10,000 objects": OutgoingRecord(
            TOPIC, "1", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, headers
        ),
        "5000 digits": OutgoingRecord(TOPIC, "1", b'{"seq": ' + b"9" * 5000 + b"}", headers),
        "NaN": OutgoingRecord(TOPIC, "1", b'{"seq": NaN}', headers),
        "lone surrogate": OutgoingRecord(TOPIC, "1", b'{"content": "\\ud800"}', headers),
        "NUL": OutgoingRecord(TOPIC, "1", value.replace(b"message 1", b"\\u0000"), headers),
        "not an object": OutgoingRecord(TOPIC, "1", b"[1, 2]", headers),
        "fields missing": OutgoingRecord(TOPIC, "1", b"{}", headers),
        "headers of bytes": OutgoingRecord(TOPIC, "1", value, with_header("event-id", b"\xff\x00")),
    }
