"""/livez: the process answers. /readyz: it can do its work (503 with reasons when it cannot)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from time import monotonic
from typing import Final
from uuid import uuid4

from channels import DEFAULT_CHANNEL_LAYER
from channels.layers import channel_layers
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat.http.json import unlogged
from chat.live.runtime import is_draining
from messaging.away import DatabaseBusyError, DatabaseUnavailableError
from messaging.backends.writing import would_write
from messaging.operating.looks import ANSWER_SECONDS, Look
from messaging.operating.status import look_at_bus, look_for_warnings
from messaging.outages import DATABASE

# A message to oneself that takes longer does not come.
LAYER_SECONDS: Final = 1.5
SQLITE_MILLISECONDS: Final = 200
# They are looked for beside the parts, and come with them or with the next answer.
WARNING_SECONDS: Final = 0.1
# What people's own work has met lately counts, for a look does not see everything: a disk that is
# full is noticed by who needs another page of it.
LATELY_SECONDS: Final = 5.0


@never_cache
@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok", "version": settings.VERSION})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Every part by name; 503 when one of them has a problem.

    `?exclude=bus&exclude=layer` leaves parts out: live chat goes on without Kafka, and saving
    without Redis, so a load balancer should not take every process away for them.
    """
    left_out = request.GET.getlist("exclude")
    if "bus" not in left_out:
        look_for_warnings.begin()
    found = problems_by_part(left_out=left_out)
    is_ready = not any(found.values())
    body = {
        "status": "ok" if is_ready else "unavailable",
        **{name: problems or "ok" for name, problems in found.items()},
        "warnings": [] if "bus" in left_out else look_for_warnings.answer_within(WARNING_SECONDS),
    }
    return unlogged(JsonResponse(body, status=200 if is_ready else 503))


def problems_by_part(*, left_out: list[str]) -> Mapping[str, list[str]]:
    """All parts are looked at together, within 2 s."""
    looks = {name: look for name, look in PARTS.items() if name not in left_out}
    answered_by = monotonic() + ANSWER_SECONDS
    for look in looks.values():
        look.begin()
    found = {name: look.answer_within(answered_by - monotonic()) for name, look in looks.items()}
    if "process" not in left_out:
        found = {"process": ["shutting down"] if is_draining() else [], **found}
    return found


def database_problems() -> list[str]:
    try:
        missing = migrations_of_code() - MigrationRecorder(connection).applied_migrations().keys()
        with waits_for_no_writer():
            would_write()
        DATABASE.worked()
    except DatabaseBusyError:
        return []  # others write
    except (DatabaseUnavailableError, ImproperlyConfigured) as error:
        return [str(error)]
    except DatabaseError as error:
        return [f"the database does not answer ({type(error).__name__})"]
    if missing:
        return [f"{len(missing)} migrations not applied: run manage.py migrate"]
    why = DATABASE.why_lately(LATELY_SECONDS)
    return [f"The database was away just now: {why}"] if why else []


@contextmanager
def waits_for_no_writer() -> Iterator[None]:
    """SQLite has one writer at a time: where there is one, it takes writes."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (usual,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {SQLITE_MILLISECONDS}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual}")


@cache
def migrations_of_code() -> frozenset[tuple[str, str]]:
    """Read from the disk once: they are this process's own."""
    known = MigrationLoader(None).disk_migrations or {}
    return frozenset(key for key, migration in known.items() if not migration.replaces)


def layer_problems() -> list[str]:
    if not settings.REDIS_URL:
        return []
    try:
        asyncio.run(_send_to_oneself())
    except Exception as error:  # noqa: BLE001
        # Whatever the layer's client raises when Redis is away, is full, or only reads.
        return [f"the channel layer carries nothing ({type(error).__name__})"]
    return []


async def _send_to_oneself() -> None:
    """There and back, on a channel and connections of its own."""
    layer = channel_layers.make_backend(DEFAULT_CHANNEL_LAYER)
    channel = f"health.{uuid4().hex}"
    async with asyncio.timeout(LAYER_SECONDS):
        await layer.send(channel, {"type": "health"})
        await layer.receive(channel)


PARTS: Final[Mapping[str, Look]] = {
    "database": Look(database_problems, silence="the database does not answer"),
    "layer": Look(layer_problems, silence="the channel layer does not answer"),
    "bus": look_at_bus,
}
