"""Slows the making of accounts by a machine; a school or an office behind one address is let be."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from chat import tries

WINDOW_SECONDS = 3600


def sign_up_wait(request: HttpRequest) -> int:
    """Counts a new account; seconds to wait when its address has made too many, else 0."""
    limit = settings.LIMIT_SIGN_UPS_PER_HOUR
    key = tries.key_of("sign-up", request.META.get("REMOTE_ADDR") or "")
    return tries.wait_seconds(key, most=limit, window_seconds=WINDOW_SECONDS) if limit else 0
