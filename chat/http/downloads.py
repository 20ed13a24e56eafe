"""Long downloads end with the right to them: it is looked at again while their pieces go out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from asgiref.sync import sync_to_async
from django.http import HttpRequest

from chat.models import User
from chat.reads.sessions import OpenSession, holding

Piece = TypeVar("Piece", str, bytes)
# As soon as nothing of a chat reaches a socket any more.
LOOK_SECONDS: Final = 1.0


def is_still_signed_in(request: HttpRequest) -> bool:
    """Whether the session that asked holds: not ended, not banned, the password not changed."""
    assert isinstance(request.user, User)
    session = OpenSession(request.user.pk, request.session.session_key or "")
    return session in holding([session])


async def while_allowed(
    pieces: AsyncIterator[Piece], is_allowed: Callable[[], bool], *, ending: Piece
) -> AsyncIterator[Piece]:
    """All pieces; or those until it is not allowed any longer, and `ending` after them.

    `is_allowed` reads the database, once a second at most.
    """
    looked_at = time.monotonic()
    async for piece in pieces:
        if time.monotonic() - looked_at >= LOOK_SECONDS:
            if not await sync_to_async(is_allowed)():
                yield ending
                return
            looked_at = time.monotonic()
        yield piece
