"""How the project logs: one line an event, JSON or text, ids but never the content of a chat."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

# What every LogRecord has; anything else on it was given as `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Given by Django's and Daphne's own loggers; not ours to repeat.
_LEFT_OUT = frozenset({"request", "server_time", "status_code", "sinfo"})
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# An incoming webhook's address is its password; Django logs the address of what it refuses.
_HOOK = re.compile(r"(/hooks/)[\w-]+")


def extras(record: logging.LogRecord) -> dict[str, Any]:
    given = vars(record).items()
    return {name: value for name, value in given if name not in _STANDARD | _LEFT_OUT}


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **extras(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return writable(json.dumps(line, default=str, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """A line for people, a traceback after it; nobody can forge a line or command a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's own name)
        record.message = escaped(record.message)
        pairs = " ".join(f"{name}={value}" for name, value in extras(record).items())
        return f"{super().formatMessage(record)} {escaped(pairs)}".rstrip()

    def format(self, record: logging.LogRecord) -> str:
        return writable(super().format(record))


def escaped(text: str) -> str:
    """Without control characters and line breaks of any kind."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def writable(text: str) -> str:
    """Without lone surrogates, which no stream can write, and without webhooks' tokens."""
    return _HOOK.sub(r"\1…", text.encode("utf-8", "backslashreplace").decode())


def logging_settings(*, level: str, form: str) -> dict[str, Any]:
    formatter = {
        "json": {"()": "webchat.log.JsonFormatter"},
        "text": {
            "()": "webchat.log.TextFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        },
    }[form]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "webchat": {"level": level},
            "chat": {"level": level},
            "messaging": {"level": level},
            "django": {"level": "WARNING"},
            # kafka-python prints keys, values and passwords at DEBUG, and twenty lines a second
            # while a broker is away; messaging.kafka_adapter says in its own words what matters.
            "kafka": {"level": "CRITICAL"},
        },
    }
