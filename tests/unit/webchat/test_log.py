"""One line an event, whatever is in it: nobody can forge a line."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from webchat.log import JsonFormatter, TextFormatter, logging_settings

FORGED = "2026-11-23 10:00:00 INFO chat: all is well"
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]


def text_formatter() -> logging.Formatter:
    return TextFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


def record_of(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("chat.test").makeRecord(
        "chat.test", logging.INFO, "file", 1, message, arguments, None, extra=extra
    )


def lines_of(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    return formatter.format(record).splitlines()


@pytest.fixture(params=["text", "json"])
def formatter(request):
    return text_formatter() if request.param == "text" else JsonFormatter()


class TestOneLine:
    @pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
    def test_holds_a_message_with_a_line_break(self, line_break):
        record = record_of("refused: %s", f"x{line_break}{FORGED}")
        assert len(lines_of(text_formatter(), record)) == 1

    @pytest.mark.parametrize("line_break", BREAKS, ids=ascii)
    def test_holds_a_field_with_a_line_break(self, line_break):
        record = record_of("refused", path=f"/x{line_break}{FORGED}")
        assert len(lines_of(text_formatter(), record)) == 1

    @pytest.mark.parametrize("line_break", BREAKS[:4], ids=ascii)
    def test_of_json_holds_both(self, line_break):
        record = record_of(f"a{line_break}{FORGED}", path=f"/x{line_break}{FORGED}")
        (line,) = JsonFormatter().format(record).split("\n")
        assert json.loads(line)["path"] == f"/x{line_break}{FORGED}"

    def test_holds_no_terminal_commands(self, formatter):
        record = record_of("a\x1b[2Jb", origin="\x1b]0;title\x07")
        assert "\x1b" not in formatter.format(record)

    def test_can_be_written_as_utf_8(self, formatter):
        formatter.format(record_of("a\ud800", path="/\udcff")).encode()


class TestFields:
    def test_are_shown_by_name(self):
        assert (
            text_formatter()
            .format(record_of("drained", sockets=3))
            .endswith("chat.test: drained sockets=3")
        )
        line = json.loads(JsonFormatter().format(record_of("drained", sockets=3)))
        assert (line["event"], line["sockets"], line["level"]) == ("drained", 3, "info")

    def test_of_any_kind_are_shown(self):
        line = json.loads(JsonFormatter().format(record_of("x", what={1}, when=object())))
        assert line["what"] == "{1}"

    def test_leave_out_the_request(self):
        assert "request" not in json.loads(JsonFormatter().format(record_of("x", request="GET")))


class TestTraceback:
    @pytest.fixture
    def record(self):
        record = record_of("it failed\nbadly", chat_id=7)
        try:
            raise ValueError("why")
        except ValueError:
            record.exc_info = sys.exc_info()
        return record

    def test_follows_its_line(self, record):
        lines = lines_of(text_formatter(), record)
        assert lines[0].endswith(r"it failed\nbadly chat_id=7") or lines[-1] == "chat_id=7"
        assert any(line.startswith("Traceback") for line in lines)

    def test_is_a_field_of_json(self, record):
        (line,) = JsonFormatter().format(record).split("\n")
        assert "ValueError: why" in json.loads(line)["traceback"]


class TestSettings:
    def test_keep_kafkas_client_quiet(self):
        """At DEBUG it prints keys, values and passwords."""
        loggers = logging_settings(level="DEBUG", form="json")["loggers"]
        assert loggers["kafka"]["level"] == "CRITICAL"
