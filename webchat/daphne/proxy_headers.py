"""Mends Daphne's --proxy-headers, which believes whoever sends X-Forwarded-For.

webchat.proxies reads these headers, from proxies that are named.
"""

from __future__ import annotations

import logging

from daphne.server import Server

logger = logging.getLogger(__name__)


def ignore_proxy_headers() -> None:
    run = Server.run

    def run_without(server: Server) -> None:
        if server.proxy_forwarded_address_header:
            server.proxy_forwarded_address_header = None
            logger.warning("--proxy-headers is ignored: name the proxies in TRUSTED_PROXIES")
        run(server)

    Server.run = run_without
