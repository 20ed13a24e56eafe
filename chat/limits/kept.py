"""What may be there at once, or is kept: refuses what is one too many."""

from __future__ import annotations

from chat.errors import ConflictError
from chat.limits.table import Limit


def check_room(limit: Limit, there: int) -> None:
    """For one more besides those that are there. Raises ConflictError."""
    if limit.amount and there >= limit.amount:
        raise ConflictError(limit.said)
