"""/livez: the process answers. /readyz: it can do its work (503 with reasons when it cannot)."""

from __future__ import annotations

from collections.abc import Callable

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat.live.runtime import is_draining
from messaging.operating.status import bus_problems


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
    found = {name: look() for name, look in PARTS.items() if name not in left_out}
    is_ready = not any(found.values())
    body = {
        "status": "ok" if is_ready else "unavailable",
        **{name: problems or "ok" for name, problems in found.items()},
    }
    return JsonResponse(body, status=200 if is_ready else 503)


def _process_problems() -> list[str]:
    return ["shutting down"] if is_draining() else []


def _database_problems() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return [f"the database does not answer ({type(error).__name__})"]
    return [f"{len(plan)} migrations not applied: run manage.py migrate"] if plan else []


def _layer_problems() -> list[str]:
    if not settings.REDIS_URL:
        return []
    try:
        async_to_sync(_send_to_nobody)()
    except Exception as error:  # noqa: BLE001
        # Whatever the layer's client raises when Redis is away.
        return [f"the channel layer does not answer ({type(error).__name__})"]
    return []


async def _send_to_nobody() -> None:
    layer = get_channel_layer()
    await layer.group_send("health", {"type": "health"})


PARTS: dict[str, Callable[[], list[str]]] = {
    "process": _process_problems,
    "database": _database_problems,
    "layer": _layer_problems,
    "bus": bus_problems,
}
