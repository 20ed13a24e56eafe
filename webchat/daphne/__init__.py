"""Mends of Daphne, each in a module of its own; they hold however Daphne is started.

webchat.asgi calls `mend` when Daphne (or `manage.py runserver`) loads it, before anything listens.
A frame that comes in costs a count here, and waits only while sixteen before it do; one that goes
out costs less than Daphne's own way (webchat.daphne.frames).
"""

from __future__ import annotations

from webchat.daphne.access_log import hide_secrets_in_access_log
from webchat.daphne.back_pressure import BackPressure
from webchat.daphne.channels import HttpChannel
from webchat.daphne.connections import Connections
from webchat.daphne.deadlines import Deadlines
from webchat.daphne.factory import use_factory
from webchat.daphne.offers import offer_connections
from webchat.daphne.proxy_headers import ignore_proxy_headers
from webchat.daphne.requests import Request
from webchat.daphne.sockets import mend_sockets

__all__ = ["BackPressure", "Connections", "Deadlines", "mend"]


def mend(*, deadlines: Deadlines, connections: Connections, max_body_bytes: int) -> None:
    HttpChannel.deadlines = deadlines
    Request.max_body_bytes = max_body_bytes
    hide_secrets_in_access_log()
    ignore_proxy_headers()
    offer_connections()
    mend_sockets()
    use_factory(connections)
