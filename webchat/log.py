"""How the project logs: one line an event, JSON or text; ids, no secrets, no words of a chat."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from webchat.redaction import is_secret_name, redacted
from webchat.secret_paths import HIDDEN, hidden_path

logger = logging.getLogger(__name__)

# What every LogRecord has; anything else on it was given as `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Given by Django's and Daphne's own loggers; not ours to repeat.
_LEFT_OUT = frozenset({"request", "server_time", "status_code", "sinfo"})
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def extras(record: logging.LogRecord) -> dict[str, Any]:
    given = vars(record).items()
    return {name: value for name, value in given if name not in _STANDARD | _LEFT_OUT}


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": message_of(record),
            **extras(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return writable(json.dumps(_shown(line), ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """A line for people, a traceback after it; nobody can forge a line or command a terminal."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's own name)
        record.message = escaped(message_of(record))
        pairs = " ".join(f"{name}={_shown(value, name)}" for name, value in extras(record).items())
        return f"{super().formatMessage(record)} {escaped(pairs)}".rstrip()

    def format(self, record: logging.LogRecord) -> str:
        return writable(redacted(super().format(record)))


def message_of(record: logging.LogRecord) -> str:
    """With its arguments in it; of a path among them, nothing that is a password."""
    arguments = record.args
    if isinstance(arguments, tuple) and arguments:
        return str(record.msg) % tuple(map(_path_hidden, arguments))
    if isinstance(arguments, Mapping):
        hidden = {name: _path_hidden(value) for name, value in arguments.items()}
        return str(record.msg) % hidden
    return record.getMessage()


def _path_hidden(value: object) -> object:
    return hidden_path(value) if isinstance(value, str) and value.startswith("/") else value


def _shown(value: object, name: str = "") -> Any:
    """As JSON can have it, at any depth, without what must not stand in a log."""
    if is_secret_name(name):
        return HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _shown(one, str(key)) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(one) for one in value]
    text = str(value)
    return redacted(hidden_path(text) if text.startswith("/") else text)


def escaped(text: str) -> str:
    """Without control characters and line breaks of any kind."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def writable(text: str) -> str:
    """Without lone surrogates, which no stream can write."""
    return text.encode("utf-8", "backslashreplace").decode()


def log_uncaught() -> None:
    """What ends a process or a thread is told like all else: Python's own words would be raw."""
    sys.excepthook = _log_end_of_process
    threading.excepthook = _log_end_of_thread


def _log_end_of_process(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logger.critical("the process ended with an error", exc_info=(kind, error, trace))


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    error = ended.exc_value
    if error is not None and not isinstance(error, SystemExit):
        logger.error("a thread ended with an error", exc_info=error)


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
            # Of `runserver --noasgi`: with Django's own formatter it would show whole addresses.
            "django.server": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
            # kafka-python prints keys, values and passwords at DEBUG, and twenty lines a second
            # while a broker is away; messaging.bus.kafka says in its own words what matters.
            "kafka": {"level": "CRITICAL"},
        },
    }
