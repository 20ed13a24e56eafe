"""Combinations of settings that cannot work, found by `manage.py check` with a way out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, register


@register("chat")
def check_layer(**kwargs: Any) -> list[CheckMessage]:
    """Several processes need a layer that all of them share."""
    found: list[CheckMessage] = []
    shared_database = not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    if settings.MESSAGE_BUS == "kafka" and not settings.REDIS_URL:
        found.append(
            checks.Error(
                "MESSAGE_BUS is kafka, but the channel layer is in memory: what run_kafka_consumer"
                " finds cannot reach the browsers.",
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
                "All origins are https, but no proxy is named: everybody may seem to have one"
                " address, and limits of one address then hit all.",
                hint="Set TRUSTED_PROXIES to the proxy's address (docs/security.md).",
                id="chat.W003",
            )
        ]
    return []
