"""The ASGI application that Daphne (or another server) runs."""

import logging
import os

import django
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webchat.settings")
django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter  # noqa: E402  (needs the apps to be ready)

from chat.live.routing import websocket_application  # noqa: E402
from webchat.bodies import Handler  # noqa: E402
from webchat.daphne import BackPressure, Connections, Deadlines, mend  # noqa: E402
from webchat.daphne.connections import max_connections  # noqa: E402
from webchat.daphne.descriptors import raise_descriptor_limit  # noqa: E402
from webchat.lifecycle import Lifecycle  # noqa: E402
from webchat.proxies import ProxyGate, TrustedProxies  # noqa: E402

logger = logging.getLogger(__name__)

descriptors = raise_descriptor_limit()
proxies = TrustedProxies(settings.TRUSTED_PROXIES)
connections = Connections(
    most=max_connections(descriptors),
    max_per_address=settings.LIMIT_CONNECTIONS_PER_ADDRESS,
    is_proxy=proxies.trusts,
)
mend(
    deadlines=Deadlines(
        head_seconds=settings.CONNECTION_HEAD_SECONDS,
        idle_seconds=settings.CONNECTION_IDLE_SECONDS,
        grace_seconds=settings.CONNECTION_GRACE_SECONDS,
        bytes_per_second=settings.CONNECTION_MIN_PACE,
        longest_seconds=settings.CONNECTION_LONGEST_SECONDS,
    ),
    connections=connections,
    max_body_bytes=settings.MAX_BODY_BYTES,
)
logger.info(
    "this process accepts this many connections",
    extra={"connections": connections.most, "descriptors": descriptors},
)
_routes = ProtocolTypeRouter({"http": Handler(), "websocket": websocket_application})
application = ProxyGate(Lifecycle(BackPressure(_routes)), proxies)
