"""Only our own pages may open a socket: full origins (scheme, host, port), refusals are logged."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

logger = logging.getLogger(__name__)

MAX_LOGGED = 200


def header(scope: dict[str, Any], name: bytes) -> str:
    values = [value for key, value in scope["headers"] if key == name]
    # Two Host or Origin headers are a trick, not a browser.
    return values[0].decode("latin-1") if len(values) == 1 else ""


def is_allowed(scope: dict[str, Any]) -> bool:
    """The socket's Origin is in ALLOWED_ORIGINS or, where that is empty, the page's own address."""
    origin = header(scope, b"origin").lower()
    if settings.ALLOWED_ORIGINS:
        return origin in {allowed.lower() for allowed in settings.ALLOWED_ORIGINS}
    return is_from_own_page(scope)


def is_from_own_page(scope: dict[str, Any]) -> bool:
    """The page came from where its socket goes, at a name of ours: its script is ours."""
    origin, host = header(scope, b"origin").lower(), header(scope, b"host").lower()
    return bool(host) and origin in {f"http://{host}", f"https://{host}"} and _is_our_host(host)


def _is_our_host(host: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def note_refused(scope: dict[str, Any]) -> None:
    logger.warning(
        "a socket was refused: its Origin is not allowed; add it to ALLOWED_ORIGINS if it is yours",
        extra={"origin": header(scope, b"origin")[:MAX_LOGGED]},
    )
