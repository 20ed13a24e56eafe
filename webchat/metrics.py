"""/metrics, for Prometheus: this process's own counts, and the bus's figures.

Reachable from METRICS_ALLOW alone: to everybody else there is no such page.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from chat.addresses import parse_address
from chat.live.runtime import counts
from messaging.measures import gauge
from messaging.operating.measuring import BusCollector


class LiveCollector(Collector):
    """What the live part of this process knows without counting anything for it."""

    def collect(self) -> Iterable[Metric]:
        now = counts()
        yield gauge("webchat_sockets", "WebSockets of people", now.sockets)
        yield gauge("webchat_people", "People connected to this process", now.people)
        yield CounterMetricFamily(
            "webchat_posts", "Messages that this process was given to save", value=now.posts
        )


REGISTRY.register(LiveCollector())
REGISTRY.register(BusCollector())


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_read(request.META.get("REMOTE_ADDR", "")):
        raise Http404
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _may_read(address: str) -> bool:
    parsed = parse_address(address)
    return parsed is not None and any(
        parsed.version == network.version and parsed in network
        for network in settings.METRICS_ALLOW
    )
