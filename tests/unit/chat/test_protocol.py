"""What a frame may be: parsed strictly, refused with a code and, where it can be read, its id."""

from __future__ import annotations

import json
import uuid

import pytest

from chat.errors import (
    BadFrameError,
    BadRequestError,
    BadTextError,
    ChatError,
    FrameTooLargeError,
    UnknownTypeError,
)
from chat.wire.protocol import MAX_FRAME_BYTES, CloseCode, Frame, parse_frame, request_id_of
from tests.support.properties import hypothesis
from tests.support.properties import strategies as st

LARGEST = 2**63 - 1
NOT_A_NUMBER = {
    "true": True,
    "false": False,
    "text": "7",
    "float": 7.0,
    "list": [7],
    "object": {"id": 7},
    "negative": -1,
    "one too many": LARGEST + 1,
    "huge": 10**30,
}
NOT_AN_OBJECT = {
    "empty": "",
    "spaces": "  ",
    "a list": "[1]",
    "a text": '"hello"',
    "a number": "7",
    "null": "null",
    "true": "true",
    "half": '{"type": "ping"',
    "two": '{"type": "ping"}{"type": "ping"}',
    "two lines": '{"type": "ping"}\n{"type": "ping"}',
    "NaN": '{"type": "ping", "n": NaN}',
    "Infinity": '{"type": "ping", "n": -Infinity}',
    "a comment": '{"type": "ping"} // hello',
    "single quotes": "{'type': 'ping'}",
    "raw NUL": '{"type": "pi\0ng"}',
    "10,000 levels": "[" * 10_000,
    "10,000 closed levels": '{"type": "ping", "n": ' + "[" * 10_000 + "]" * 10_000 + "}",
    "10,000 levels of objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
}


def frame_of(**fields: object) -> Frame:
    return parse_frame(json.dumps({"type": "test", **fields}))


def frame_of_bytes(size: int, character: str = "x") -> str:
    """A good frame of exactly so many bytes."""
    start = '{"type": "ping", "filler": "'
    left = size - len(start) - 2
    count, rest = divmod(left, len(character.encode()))
    text = start + character * count + "x" * rest + '"}'
    assert len(text.encode()) == size
    return text


class TestParseFrame:
    def test_gives_type_request_id_and_fields(self):
        frame = parse_frame('{"type": "typing", "request_id": "r-1", "chat_id": 5}')
        assert (frame.type, frame.request_id, frame.id("chat_id")) == ("typing", "r-1", 5)

    @pytest.mark.parametrize("text", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT.keys())
    def test_refuses_what_is_not_one_json_object(self, text):
        with pytest.raises(BadFrameError):
            parse_frame(text)

    @pytest.mark.parametrize("given", [None, 5, True, ["ping"], {"a": 1}])
    def test_refuses_a_type_that_is_no_text(self, given):
        with pytest.raises(UnknownTypeError):
            parse_frame(json.dumps({"type": given}))

    def test_refuses_a_frame_without_a_type(self):
        with pytest.raises(UnknownTypeError):
            parse_frame("{}")

    @pytest.mark.parametrize("character", ["x", "я", "\U0001f600"])
    def test_takes_64_kib_and_not_a_byte_more(self, character):
        assert parse_frame(frame_of_bytes(MAX_FRAME_BYTES, character)).type == "ping"
        with pytest.raises(FrameTooLargeError):
            parse_frame(frame_of_bytes(MAX_FRAME_BYTES + 1, character))

    @pytest.mark.parametrize("given", [5, True, [], {}, "x" * 201])
    def test_refuses_a_request_id_that_is_no_short_text(self, given):
        with pytest.raises(BadRequestError, match="request_id"):
            parse_frame(json.dumps({"type": "ping", "request_id": given}))

    def test_takes_a_request_id_of_200_characters(self):
        frame = parse_frame(json.dumps({"type": "ping", "request_id": "я" * 200}))
        assert frame.request_id == "я" * 200

    def test_survives_a_number_of_5000_digits(self):
        with pytest.raises(ChatError):
            parse_frame('{"type": "test", "chat_id": ' + "9" * 5000 + "}").id("chat_id")

    @pytest.mark.parametrize("where", ["content", "type", "key"])
    def test_refuses_a_lone_surrogate_as_text(self, where):
        fields = {"type": "test", "request_id": "r", where: "a\ud800b", "\udc00": 1}
        with pytest.raises(BadTextError):
            parse_frame(json.dumps(fields))

    @hypothesis.given(st.text(st.characters(codec=None), max_size=200))
    def test_gives_a_frame_or_a_chat_error_for_any_text(self, text):
        with pytest.raises(ChatError):
            parse_frame(text)

    @hypothesis.given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
            max_leaves=8,
        )
    )
    def test_gives_checked_fields_or_a_chat_error_for_any_json(self, value):
        text = json.dumps({"type": "test", "field": value})
        try:
            frame = parse_frame(text)
        except ChatError:
            return
        for read in (frame.id, frame.number, frame.optional_id, frame.optional_number):
            try:
                number = read("field")
            except ChatError:
                continue
            assert number is None or (type(number) is int and 0 <= number <= LARGEST)


class TestRequestIdOfARefusedFrame:
    def test_is_found_so_that_it_can_be_answered(self):
        assert request_id_of('{"request_id": "r-1"}') == "r-1"

    def test_is_found_beside_a_lone_surrogate(self):
        text = json.dumps({"type": "message.send", "request_id": "r-1", "content": "a\ud800"})
        assert request_id_of(text) == "r-1"

    @pytest.mark.parametrize(
        "text", [*NOT_AN_OBJECT.values(), '{"request_id": 5}', '{"request_id": "\\ud800"}', "{}"]
    )
    def test_is_none_where_there_is_none(self, text):
        assert request_id_of(text) is None


class TestFields:
    @pytest.mark.parametrize("value", [1, 7, LARGEST])
    def test_an_id_is_a_positive_whole_number(self, value):
        assert frame_of(chat_id=value).id("chat_id") == value

    @pytest.mark.parametrize("value", [0, *NOT_A_NUMBER.values()], ids=["0", *NOT_A_NUMBER])
    def test_anything_else_is_no_id(self, value):
        frame = frame_of(chat_id=value)
        for read in (frame.id, frame.optional_id):
            with pytest.raises(BadRequestError, match="chat_id"):
                read("chat_id")

    @pytest.mark.parametrize("value", [0, 1, LARGEST])
    def test_a_seq_may_be_zero(self, value):
        assert frame_of(revision=value).number("revision") == value
        assert frame_of(revision=value).optional_number("revision") == value

    @pytest.mark.parametrize("value", NOT_A_NUMBER.values(), ids=NOT_A_NUMBER.keys())
    def test_anything_else_is_no_seq(self, value):
        frame = frame_of(revision=value)
        for read in (frame.number, frame.optional_number):
            with pytest.raises(BadRequestError, match="revision"):
                read("revision")

    @pytest.mark.parametrize("fields", [{}, {"field": None}])
    def test_a_missing_one_is_named(self, fields):
        frame = frame_of(**fields)
        for read in (frame.id, frame.number, frame.text, frame.uuid):
            with pytest.raises(BadRequestError, match=r"field.*missing"):
                read("field")
        assert frame.optional_id("field") is None
        assert frame.optional_number("field") is None
        with pytest.raises(BadRequestError, match="field"):
            frame.flag("field")

    @pytest.mark.parametrize("value", [5, True, ["a"], {"a": "b"}, 1.5])
    def test_a_text_is_a_text(self, value):
        with pytest.raises(BadRequestError, match="content"):
            frame_of(content=value).text("content")
        with pytest.raises(BadRequestError, match="content"):
            frame_of(content=value).uuid("content")

    @pytest.mark.parametrize("value", ["", "x", "1234", "0" * 33, "g" * 32, "\0" * 36, "x" * 9999])
    def test_a_uuid_is_a_uuid(self, value):
        with pytest.raises(BadRequestError, match="client_message_id"):
            frame_of(client_message_id=value).uuid("client_message_id")

    def test_a_uuid_is_read(self):
        given = uuid.uuid4()
        assert frame_of(id=str(given)).uuid("id") == given
        assert frame_of(id=str(given).upper()).uuid("id") == given

    @pytest.mark.parametrize("value", [0, 1, "true", None, [], {}])
    def test_a_flag_is_true_or_false(self, value):
        with pytest.raises(BadRequestError, match="on"):
            frame_of(on=value).flag("on")

    def test_a_flag_is_read(self):
        assert frame_of(on=True).flag("on") is True
        assert frame_of(on=False).flag("on") is False


class TestErrors:
    def test_have_the_codes_and_statuses_of_the_contract(self):
        found = {error.code: error.status for error in _all_errors(ChatError)}
        assert found == {
            "bad_frame": 400,
            "bad_request": 400,
            "bad_text": 400,
            "conflict": 409,
            "empty": 400,
            "forbidden": 403,
            "frame_too_large": 413,
            "method_not_allowed": 405,
            "not_found": 404,
            "signed_out": 401,
            "too_large": 413,
            "too_long": 400,
            "too_many": 429,
            "unavailable": 503,
            "unknown_type": 400,
        }

    def test_close_codes_are_those_of_the_contract(self):
        assert {code.name: int(code) for code in CloseCode} == {
            "RESTARTING": 1012,
            "UNAVAILABLE": 1013,
            "SIGNED_OUT": 4401,
            "NOT_ALLOWED": 4403,
            "TOO_SLOW": 4408,
            "TOO_MUCH": 4429,
        }


def _all_errors(base: type[ChatError]) -> list[type[ChatError]]:
    import chat.http.json  # noqa: F401  (defines one more)

    return [found for error in base.__subclasses__() for found in (error, *_all_errors(error))]
