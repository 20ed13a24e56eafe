"""The table of headers: what stands on every answer, whoever gives it."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

EVERY_ANSWER: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# For every answer that does not say for itself how long it may be kept.
NEVER_KEPT: Final = "no-store, private"
# For answers that are no page.
NOTHING_RUNS: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def headers_of(request: HttpRequest) -> dict[str, str]:
    headers = {
        **EVERY_ANSWER,
        "Cache-Control": NEVER_KEPT,
        "Content-Security-Policy": content_security_policy(request),
    }
    # Without TLS a browser takes no notice: so also where no proxy is named that says "https".
    if settings.SECURE_HSTS_SECONDS:
        headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
    return headers


def content_security_policy(request: HttpRequest) -> str:
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "media-src": "'self' blob:",
        "connect-src": f"'self' {_socket_origin(request)}".rstrip(),
        "manifest-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _socket_origin(request: HttpRequest) -> str:
    """Older Safari does not count WebSockets as 'self'. Empty for a host that is not ours."""
    scheme = "wss" if request.is_secure() or settings.BEHIND_TLS else "ws"
    try:
        return f"{scheme}://{request.get_host()}"
    except DisallowedHost:
        return ""
