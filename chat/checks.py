"""Combinations of settings that cannot work, found by `manage.py check` with a way out."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register

from chat import handlers
from messaging.contract.schemas import event_types, topics
from messaging.handling.registry import registry


@register("chat")
def check_layer(**kwargs: Any) -> list[CheckMessage]:
    """Several processes need a layer that all of them share."""
    found: list[CheckMessage] = []
    shared_database = not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if settings.MESSAGE_BUS == "kafka" and not settings.REDIS_URL:
        found.append(
            checks.Error(
                "MESSAGE_BUS is kafka, but the channel layer is in memory: run_kafka_consumer"
                " cannot reach the browsers.",
                hint="Set REDIS_URL (redis://localhost:6379/0), or MESSAGE_BUS=embedded.",
                id="chat.E001",
            )
        )
    if shared_database and not settings.REDIS_URL:
        found.append(
            checks.Warning(
                "The channel layer is in memory: run one web process only.",
                hint="Set REDIS_URL to run several.",
                id="chat.W001",
            )
        )
    return found


@register("chat", deploy=True)
def check_database(**kwargs: Any) -> list[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        hint = "Set DATABASE_URL=postgres://user:password@host:5432/name."
        return [
            checks.Warning("SQLite is for one machine and few people.", hint=hint, id="chat.W002")
        ]
    return []


@register("chat", deploy=True)
def check_proxies(**kwargs: Any) -> list[CheckMessage]:
    """TLS ends somewhere in front: whoever ends it has to be known."""
    if settings.BEHIND_TLS and not settings.TRUSTED_PROXIES:
        return [
            checks.Warning(
                "All origins are https, but no proxy is named: everybody may appear to share one"
                " address and its limits.",
                hint="Set TRUSTED_PROXIES to the proxy's address (docs/security.md).",
                id="chat.W003",
            )
        ]
    return []


@register("chat")
def check_handlers(**kwargs: Any) -> list[CheckMessage]:
    """The table of handlers, held against the topics and against the functions that are there."""
    return [*_unhandled(), *_unknown(), *_forgotten()]


def _unhandled() -> Iterator[CheckMessage]:
    for topic in sorted(set(topics()) - {handler.topic for handler in registry}):
        yield checks.Error(
            f"The events on {topic} are not handled: no handler is subscribed to it.",
            hint="Add a row for it to HANDLERS (chat/handlers/__init__.py).",
            id="chat.E002",
        )


def _unknown() -> Iterator[CheckMessage]:
    for handler in registry:
        known = event_types(handler.topic)
        if known is None:
            continue
        for event_type in sorted((handler.event_types or known or {"anything"}) - known):
            yield checks.Error(
                f"The handler {handler.name} of {handler.group} subscribes to {event_type},"
                f" which never appears on {handler.topic}.",
                hint=f"{handler.topic} has {', '.join(sorted(known)) or 'no schema'}.",
                id="chat.E003",
            )


def _forgotten() -> Iterator[CheckMessage]:
    """A function that no row names would silently do nothing."""
    named = {handler.function for handler in registry}
    for module in pkgutil.iter_modules(handlers.__path__, f"{handlers.__name__}."):
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction):
            is_own = function.__module__ == module.name and not name.startswith("_")
            takes_events = [*inspect.signature(function).parameters] == ["events"]
            if is_own and takes_events and function not in named:
                yield checks.Error(
                    f"{module.name}.{name} is never called: no row of the table names it.",
                    hint="Add a row for it to HANDLERS (chat/handlers/__init__.py), or remove it.",
                    id="chat.E004",
                )
