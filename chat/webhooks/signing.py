"""Secrets and signatures, in the manner of Standard Webhooks (standardwebhooks.com).

A secret is "whsec_" and the key in base64; the signature is an HMAC-SHA256 over id, time and body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final
from uuid import UUID

PREFIX: Final = "whsec_"
KEY_BYTES: Final = 32


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def signed_headers(*, secret: str, event_id: UUID, at: int, body: bytes) -> dict[str, str]:
    """`at`: seconds since 1970, of this try; receivers refuse what is too old."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signature = hmac.digest(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": str(event_id),
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
